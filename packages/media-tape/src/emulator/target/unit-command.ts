import type { CdbFields, CdbName } from '../../scsi/cdb-fields.ts'
import type { FaultEffect } from '../faults/emulator-fault.ts'
import type { Answer } from './answer.ts'

/** One command under way. */
export interface Task {
  readonly initiator: string
  /** What was sent, as far as the command asked for it. */
  readonly dataOut: Uint8Array
  /** Aborts when the host no longer wants it, or the unit is reset. */
  readonly signal: AbortSignal
  /** What goes wrong with it, as planned. */
  readonly faults: readonly FaultEffect[]
}

/** How a unit does one command. */
export interface UnitCommand<Name extends CdbName> {
  /** Rejects with `CheckCondition`, or with the signal's reason once that has aborted. */
  run(cdb: CdbFields[Name], task: Task): Promise<Answer> | Answer
  /** Those it has, of a command that has several. */
  readonly serviceActions?: readonly number[]
  /** Neither others' reservations nor a broken drive keep it from running. @default false */
  readonly harmless?: boolean
  /** It runs without telling what the initiator has to be told first (SPC-5: INQUIRY, REPORT LUNS, REQUEST SENSE). @default false */
  readonly quiet?: boolean
}

/** The commands that a unit has. */
export type CommandTable = { readonly [Name in CdbName]?: UnitCommand<Name> }

/** The first fault with that effect that is due with a task. */
export function dueFault<Effect extends FaultEffect['effect']>(
  task: Task,
  effect: Effect,
): Extract<FaultEffect, { effect: Effect }> | undefined {
  return task.faults.find((one) => one.effect === effect) as
    Extract<FaultEffect, { effect: Effect }> | undefined
}

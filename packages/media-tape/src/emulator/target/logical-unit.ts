import { NbError, SerialQueue } from '@nb/contracts'
import type { CdbName, CommandSet } from '../../scsi/cdb-fields.ts'
import { parseCdb } from '../../scsi/cdb.ts'
import { modePage, scsiStatus } from '../../scsi/command-codes.ts'
import { buildSense, type SenseData } from '../../scsi/sense.ts'
import type { EmulatorFaultPlan, FaultEffect } from '../faults/emulator-fault.ts'
import { type Answer, check, CheckCondition, good } from './answer.ts'
import { type Condition, conditions } from './conditions.ts'
import type { ModePages } from './mode-pages.ts'
import { Reservations } from './reservations.ts'
import { TapeAlerts } from './tape-alerts.ts'
import { UnitAttentions } from './unit-attentions.ts'
import type { CommandTable, Task, UnitCommand } from './unit-command.ts'

/** How a command ended at the unit. */
export type Outcome =
  | {
      readonly end: 'answered'
      readonly status: number
      readonly sense?: Uint8Array
      readonly dataIn: Uint8Array
      readonly dataOutBytes: number
    }
  /** It no longer works on it. */
  | { readonly end: 'aborted' }
  /** The connection broke meanwhile. */
  | { readonly end: 'lost' }
  /** There will be no answer. */
  | { readonly end: 'silent' }

/** What makes a unit out of what all units have in common. */
export interface LogicalUnitParts {
  /** `changer`, `drive1`, … */
  readonly name: string
  readonly set: CommandSet
  readonly modes: ModePages
  /** Commands that it is not given. */
  readonly lacks: readonly CdbName[]
  readonly faults: EmulatorFaultPlan
  /** The library loses its power. */
  losePower(): Promise<void>
  /** A fault that strikes the unit itself, before the command it came with. */
  strike(fault: FaultEffect): void
  /** The unit was reset. */
  wasReset(): void
  /** A connection of an initiator is gone. */
  lost(initiator: string): void
  /** What cartridges are kept in failed: the error, which the host hears of as 4/44/00. */
  failed(error: Error): void
}

/**
 * A SCSI logical unit: one command at a time, in the order of arrival, each told first what its initiator has to know (SAM-5). Other than in
 * a real one, no two commands of different initiators ever overlap.
 */
export class LogicalUnit {
  readonly name: string
  readonly modes: ModePages
  readonly attentions: UnitAttentions = new UnitAttentions(conditions.powerOn)
  readonly reservations: Reservations = new Reservations()
  readonly alerts: TapeAlerts = new TapeAlerts()
  /** Initiators that keep the medium from being taken out. */
  readonly preventing: Set<string> = new Set()
  /** It is broken and says only that. */
  broken = false
  readonly #parts: LogicalUnitParts
  readonly #queue = new SerialQueue()
  readonly #tasks = new Set<{
    readonly initiator: string
    readonly abort: AbortController
    readonly ended: Promise<Outcome>
  }>()
  readonly #deferred: SenseData[] = []
  #commands: CommandTable = {}

  constructor(parts: LogicalUnitParts) {
    this.name = parts.name
    this.modes = parts.modes
    this.#parts = parts
  }

  /** The commands that it has. */
  get commands(): CommandTable {
    return this.#commands
  }

  /** Gives it its commands, but for those that it lacks. */
  setCommands(commands: CommandTable): void {
    const { lacks } = this.#parts
    const had = Object.entries(commands).filter(([name]) => !lacks.includes(name as CdbName))
    this.#commands = Object.fromEntries(had)
  }

  /** Runs one command when its turn comes; one that is aborted before has not run. Rejects for faults of the emulator itself. */
  execute(initiator: string, cdb: Uint8Array, dataOut: Uint8Array, signal: AbortSignal): Promise<Outcome> {
    const abort = new AbortController()
    const ended = new Promise<Outcome>((resolve, reject) => {
      let begun = false
      const onAbort = (): void => abort.abort(signal.reason)
      const endUnbegun = (): void => {
        if (!begun) resolve({ end: 'aborted' })
      }
      abort.signal.addEventListener('abort', endUnbegun, { once: true })
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
      const run = async (): Promise<void> => {
        if (abort.signal.aborted) return
        begun = true
        resolve(await this.#run(initiator, cdb, dataOut, abort.signal))
      }
      void this.#queue
        .run(run)
        .catch(reject)
        .finally(() => signal.removeEventListener('abort', onAbort))
    })
    const entry = { initiator, abort, ended }
    this.#tasks.add(entry)
    const remove = (): void => void this.#tasks.delete(entry)
    ended.then(remove, remove)
    return ended
  }

  /** Resolves when the commands that there are have ended. */
  async tasksEnded(): Promise<void> {
    await Promise.allSettled([...this.#tasks].map(({ ended }) => ended))
  }

  /** Resolves when it works on nothing. */
  async settled(): Promise<void> {
    await this.#queue.settled()
  }

  /** Runs something else between two commands: what robots and people do to the unit. */
  between<Result>(action: () => Promise<Result>): Promise<Result> {
    return this.#queue.run(action)
  }

  /** Ends all commands, or those of some initiators. */
  abortTasks(initiators?: readonly string[]): void {
    for (const { initiator, abort } of this.#tasks)
      if (initiators === undefined || initiators.includes(initiator)) abort.abort(new Error('task aborted'))
  }

  /** LOGICAL UNIT RESET (SAM-5, 7.7): modes are those of the beginning; persistent reservations stay. */
  reset(): void {
    this.abortTasks()
    this.reservations.end()
    this.preventing.clear()
    this.modes.reset()
    this.attentions.replaceAll(conditions.unitReset)
    this.#parts.wasReset()
  }

  /** The power came back after it was away. */
  poweredOn(): void {
    this.reservations.forget()
    this.preventing.clear()
    this.modes.reset()
    this.broken = false
    this.#deferred.length = 0
    this.alerts.clear()
    this.attentions.replaceAll(conditions.powerOn)
  }

  /** A connection of an initiator is gone; its commands are ended. */
  nexusLost(initiator: string): void {
    this.abortTasks([initiator])
    this.reservations.end(initiator)
    this.preventing.delete(initiator)
    this.#parts.lost(initiator)
    this.attentions.raiseFor(initiator, conditions.nexusLost)
  }

  /** Something that an earlier command ended without: told with the next one (SPC-5, deferred errors). */
  defer(condition: Condition, more: Partial<SenseData> = {}): void {
    this.#deferred.push({ ...condition, ...more, deferred: true })
  }

  async #run(
    initiator: string,
    bytes: Uint8Array,
    dataOut: Uint8Array,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const cdb = parseCdb(bytes, this.#parts.set)
    const known = cdb.command !== 'unknown-opcode' && cdb.command !== 'invalid-field'
    const faults = known ? this.#parts.faults.due(this.name, cdb.command) : []
    const has = (effect: FaultEffect['effect']): boolean => faults.some((one) => one.effect === effect)
    if (has('power-lost')) {
      await this.#parts.losePower()
      return { end: 'lost' }
    }
    const lost = faults.find((one) => one.effect === 'transport-lost')
    if (lost?.ran === false) return { end: 'lost' }
    if (has('silent')) return { end: 'silent' }
    for (const fault of faults) this.#parts.strike(fault)
    if (has('busy')) return this.#tell({ status: scsiStatus.busy }, dataOut)
    try {
      const answer = await this.#answer(cdb, { initiator, dataOut, signal, faults })
      return lost === undefined ? this.#tell(answer, dataOut) : { end: 'lost' }
    } catch (error) {
      if (error instanceof CheckCondition)
        return this.#tell({ status: scsiStatus.checkCondition, sense: error.sense, dataOutBytes: 0 }, dataOut)
      if (signal.aborted) return { end: 'aborted' }
      if (!isOfStore(error)) throw error
      this.#parts.failed(error)
      const { sense } = new CheckCondition(conditions.hardwareFailure)
      return this.#tell({ status: scsiStatus.checkCondition, sense, dataOutBytes: 0 }, dataOut)
    }
  }

  async #answer(cdb: ReturnType<typeof parseCdb>, task: Task): Promise<Answer> {
    const name = cdb.command
    const command =
      name === 'unknown-opcode' || name === 'invalid-field'
        ? undefined
        : (this.#commands[name] as UnitCommand<CdbName> | undefined)
    if (command?.quiet !== true) {
      const first = this.attentions.take(task.initiator) ?? this.#deferred.shift()
      if (first !== undefined) return { status: scsiStatus.checkCondition, sense: first, dataOutBytes: 0 }
    }
    if (name === 'invalid-field')
      return check(conditions.invalidFieldInCdb, { fieldPointer: { inCdb: true, byte: cdb.byte } })
    if (command === undefined) return check(conditions.unknownOpcode)
    if (command.harmless !== true) {
      if (this.reservations.excludes(task.initiator)) return { status: scsiStatus.reservationConflict }
      if (this.broken) return check(conditions.hardwareFailure)
    }
    const fields = cdb as unknown as Record<string, unknown>
    const wanted = fields['parameterListLength']
    if (typeof wanted === 'number' && task.dataOut.length < wanted)
      return check(conditions.parameterListLength)
    const dataOut = typeof wanted === 'number' ? task.dataOut.subarray(0, wanted) : task.dataOut
    const answer = await command.run(cdb, { ...task, dataOut })
    const most = fields['allocationLength']
    // READ POSITION has one for other forms than ours, which are of one length each (SSC-5, 7.7).
    if (answer.dataIn === undefined || typeof most !== 'number' || name === 'read-position') return answer
    return { ...answer, dataIn: answer.dataIn.subarray(0, most) }
  }

  /** The answer as it goes to the host, its sense data in the format that the control mode page asks for (D_SENSE). */
  #tell({ status, sense, dataIn = new Uint8Array(0), dataOutBytes }: Answer, dataOut: Uint8Array): Outcome {
    const isFixed = ((this.modes.current(modePage.control)[0] ?? 0) & 0x04) === 0
    return {
      end: 'answered',
      status,
      ...(sense === undefined
        ? {}
        : { sense: isFixed ? fixedSense(sense) : buildSense({ ...sense, format: 'descriptor' }) }),
      dataIn,
      dataOutBytes: dataOutBytes ?? (status === scsiStatus.good ? dataOut.length : 0),
    }
  }
}

/** Fixed format; information that its 32 bits don't hold is not valid there (SPC-5, 4.4.3). */
function fixedSense({ information, ...sense }: SenseData): Uint8Array {
  const fits = information !== undefined && (information | 0) === information
  return buildSense({ ...sense, ...(fits ? { information } : {}), format: 'fixed' })
}

/** Errors of records, and of the system, whose codes are such as `ENOSPC`. */
function isOfStore(error: unknown): error is Error {
  if (error instanceof NbError) return true
  return error instanceof Error && /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '')
}

/** GOOD, for commands that have nothing to do in an emulator. */
export const nothingToDo = (): Answer => good()

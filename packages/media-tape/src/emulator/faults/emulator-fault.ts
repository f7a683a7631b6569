import type { CdbName } from '../../scsi/cdb-fields.ts'

/** What goes wrong. */
export type FaultEffect =
  /** The connection breaks: before the unit has seen the command, or after it ran and before its answer. */
  | { readonly effect: 'transport-lost'; readonly ran: boolean }
  /** The unit never answers, until it is reset or the command is aborted. */
  | { readonly effect: 'silent' }
  /** The whole library loses its power before the command, with what is in the buffers; it comes back at once. */
  | { readonly effect: 'power-lost' }
  /** The unit answers this once with BUSY. */
  | { readonly effect: 'busy' }
  /**
   * The block can't be written: 3/0C/00. With `later` the drive only finds out that many blocks on, when the command had long ended with GOOD:
   * a deferred error, and all since then is not on the tape.
   */
  | { readonly effect: 'write-error'; readonly later?: number }
  /** The block, or what is spaced over, can't be read: 3/11/00. */
  | { readonly effect: 'read-error' }
  /** The medium ends here, without an early warning. */
  | { readonly effect: 'end-of-medium' }
  /** A TapeAlert flag goes up, 1–64. */
  | { readonly effect: 'tape-alert'; readonly flag: number }
  /** The drive needs cleaning now. */
  | { readonly effect: 'cleaning-needed' }
  /** The drive breaks: 4/44/00 until it is switched off and on. */
  | { readonly effect: 'drive-failed' }
  /** From here on the drive streams with this share of its rate, above 0. */
  | { readonly effect: 'slow'; readonly share: number }
  /** The medium does not thread: 3/53/00. It stays in the mouth. */
  | { readonly effect: 'load-failed' }
  /** The robot gets stuck on its way, with nothing moved: 4/15/01 until somebody frees it. */
  | { readonly effect: 'robot-jam' }
  /** The robot puts the volume into another free slot than it says. */
  | { readonly effect: 'wrong-slot' }

/** One fault and its moment: at that command of that unit, counted from 1. */
export type EmulatorFault = FaultEffect & {
  /** `changer`, `drive1`, `drive2`, … */
  readonly unit: string
  /** Which command is counted. @default all */
  readonly command?: CdbName
  readonly occurrence: number
}

/** Faults planned in advance; each happens once. A plan that was not carried out proves nothing: see {@link EmulatorFaultPlan.pending}. */
export interface EmulatorFaultPlan {
  /** A unit begins a command: what goes wrong with it. */
  due(unit: string, command: CdbName): readonly FaultEffect[]
  /** Adds a fault; occurrences count from now on. */
  add(fault: EmulatorFault): void
  /** The faults that did not happen yet. */
  readonly pending: readonly EmulatorFault[]
}

/** Makes a plan. Throws `TypeError` for an occurrence below 1. */
export function createEmulatorFaultPlan(faults: readonly EmulatorFault[] = []): EmulatorFaultPlan {
  let pending: { readonly fault: EmulatorFault; passed: number }[] = []
  const add = (fault: EmulatorFault): void => {
    if (!Number.isSafeInteger(fault.occurrence) || fault.occurrence < 1)
      throw new TypeError(`occurrence is ${fault.occurrence}; allowed: whole numbers from 1 on`)
    pending.push({ fault, passed: 0 })
  }
  faults.forEach(add)
  return {
    add,
    due: (unit, command) => {
      const counted = pending.filter(
        ({ fault }) => fault.unit === unit && (fault.command ?? command) === command,
      )
      for (const one of counted) one.passed += 1
      const due = counted.filter(({ fault, passed }) => passed === fault.occurrence)
      pending = pending.filter((one) => !due.includes(one))
      return due.map(({ fault }) => fault)
    },
    get pending() {
      return pending.map(({ fault }) => fault)
    },
  }
}

import { type CallOptions, type Clock, NbError, type ScsiResult, type ScsiTransport } from '@nb/contracts'
import { describeCdb } from './cdb.ts'
import type { CommandSet } from './cdb-fields.ts'
import { scsiStatus } from './command-codes.ts'
import { malformed } from './malformed.ts'
import { parseSense, senseKey, type SenseData } from './sense.ts'
import { explainSense, senseCode, type SenseMeaning } from './sense-meaning.ts'

/** One command for a unit. */
export interface UnitCommand {
  readonly cdb: Uint8Array
  readonly dataOut?: Uint8Array
  readonly dataIn?: Uint8Array
  readonly timeoutMs?: number
  /** Only over this connection; see `ScsiCommand.nexus`. */
  readonly nexus?: number
}

/** How a command ended: with GOOD, or with sense data. */
export type Ended =
  | { readonly good: true; readonly dataInBytes: number }
  | {
      readonly good: false
      readonly dataInBytes: number
      readonly sense: SenseData
      readonly meaning: SenseMeaning
      /** In plain words. */
      readonly text: string
    }

/** The part of {@link Ended} that tells of something. */
export type Told = Extract<Ended, { good: false }>

const mostBusyAnswers = 100
const firstBusyWaitMs = 10
const longestBusyWaitMs = 1000
/** A unit queues its attentions; more than these in a row is a unit that does nothing else. */
const mostAttentions = 16

/** A logical unit: statuses and sense data become answers; what was certainly not carried out is asked again. */
export class ScsiUnit {
  readonly transport: ScsiTransport
  readonly #set: CommandSet
  readonly #clock: Clock
  readonly #onAttention: (told: Told) => void

  /** `onAttention` hears every unit attention that {@link ask} meets. */
  constructor(
    transport: ScsiTransport,
    set: CommandSet,
    clock: Clock,
    onAttention: (told: Told) => void = () => undefined,
  ) {
    this.transport = transport
    this.#set = set
    this.#clock = clock
    this.#onAttention = onAttention
  }

  /**
   * Runs one command to its end. BUSY and TASK SET FULL mean that it was not begun (SAM-5), so they are waited out. Rejects with
   * `scsi-access-denied` where another host holds a reservation, and as the transport does.
   */
  async run(command: UnitCommand, options?: CallOptions): Promise<Ended> {
    for (let busy = 0, waitMs = firstBusyWaitMs; ; busy++) {
      const result = await this.transport.execute(command, options)
      const { status } = result
      if (status === scsiStatus.busy || status === scsiStatus.taskSetFull) {
        if (busy >= mostBusyAnswers) throw this.#failed(command, 'the unit stays busy', true)
        await this.#clock.sleep(waitMs, options)
        waitMs = Math.min(waitMs * 2, longestBusyWaitMs)
        continue
      }
      return this.#ended(command, result)
    }
  }

  /**
   * Runs a command that may be asked twice, since it neither counts on a position nor changes one: what a unit attention kept from
   * being carried out is asked again.
   */
  async ask(command: UnitCommand, options?: CallOptions): Promise<Ended> {
    for (let attention = 0; ; attention++) {
      const ended = await this.run(command, options)
      if (ended.good || ended.sense.key !== senseKey.unitAttention || attention >= mostAttentions)
        return ended
      this.#onAttention(ended)
    }
  }

  /** What a command gives, or `undefined` where the unit doesn't know the command or the field. Other ends reject. */
  async read(cdb: Uint8Array, dataBytes: number, options?: CallOptions): Promise<Uint8Array | undefined> {
    const dataIn = new Uint8Array(dataBytes)
    const ended = await this.ask({ cdb, dataIn }, options)
    if (ended.good || ended.meaning === 'recovered') return dataIn.subarray(0, ended.dataInBytes)
    if (ended.meaning === 'not-supported' || ended.meaning === 'invalid-field') return undefined
    throw this.error(cdb, ended)
  }

  /** The plain error of a command that ended with sense data. */
  error(cdb: Uint8Array, { sense, text, meaning }: Told): NbError {
    const unsupported = meaning === 'not-supported'
    return new NbError(
      unsupported ? 'not-supported' : 'scsi-command-failed',
      `${this.transport.name}: ${describeCdb(cdb, this.#set)}: ${text} (${senseCode(sense)})`,
      { details: { unit: this.transport.name, sense: senseCode(sense), meaning } },
    )
  }

  #ended(command: UnitCommand, { status, sense, dataInBytes }: ScsiResult): Ended {
    if (status === scsiStatus.good || status === scsiStatus.conditionMet) return { good: true, dataInBytes }
    if (status === scsiStatus.reservationConflict)
      throw new NbError('scsi-access-denied', `${this.transport.name} is reserved by another host`, {
        retryable: true,
        details: { unit: this.transport.name, reserved: true },
      })
    if (status !== scsiStatus.checkCondition)
      throw this.#failed(command, `status ${status.toString(16).padStart(2, '0')}h`, false)
    if (sense === undefined)
      throw malformed(
        describeCdb(command.cdb, this.#set),
        'CHECK CONDITION without sense data',
        new Uint8Array(),
      )
    const parsed = parseSense(sense)
    return { good: false, dataInBytes, sense: parsed, ...explainSense(parsed) }
  }

  #failed({ cdb }: UnitCommand, why: string, retryable: boolean): NbError {
    return new NbError(
      'scsi-command-failed',
      `${this.transport.name}: ${describeCdb(cdb, this.#set)}: ${why}`,
      { retryable, details: { unit: this.transport.name } },
    )
  }
}

/** Whether an error says that a command never left: nothing was carried out. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof NbError && error.code === 'scsi-transport-lost' && error.details['sent'] === false
}

import { type CallOptions, type Clock, NbError, type ScsiTransport, type TapePosition } from '@nb/contracts'
import { buildCdb } from '../scsi/cdb.ts'
import { logPage } from '../scsi/command-codes.ts'
import { type Ended, ScsiUnit, type Told, type UnitCommand, wasNotSent } from '../scsi/scsi-unit.ts'
import { senseKey } from '../scsi/sense.ts'
import { parseTapeAlerts, type TapeAlert } from '../scsi/tape-alert.ts'
import { askUnit, type UnitFacts } from '../scsi/unit-facts.ts'
import { type BlockLimits, parseBlockLimits } from '../scsi/tape-answers.ts'
import { type Doing, driveError, notReady, unknownEnd } from './drive-errors.ts'
import { type DriveQuirks, quirksOf } from './drive-quirks.ts'
import type { HeldKey } from './held-key.ts'
import { defaultMotionTimes, type MotionTimes } from './motion-times.ts'
import { TapeMap } from './tape-map.ts'

/** A place on the tape. `file` is absent where nobody knows how many filemarks lie before it. */
export interface Place {
  readonly object: number
  readonly file?: number
}

/** Something came between: the command was not carried out, and the drive may stand elsewhere. */
export class Interrupted extends Error {
  override readonly name: string = 'Interrupted'
}

/** What a drive is. */
export interface DriveFacts extends UnitFacts {
  readonly quirks: Required<DriveQuirks>
  /** Absent where the drive doesn't tell. */
  readonly limits?: BlockLimits
}

/** What one of ours needs to know of a drive while it works with it, and how it talks to it. */
export class DriveSession {
  readonly name: string
  readonly unit: ScsiUnit
  readonly clock: Clock
  readonly times: Required<MotionTimes>
  readonly #declared: DriveQuirks | undefined
  #who: UnitFacts | undefined
  #facts: DriveFacts | undefined
  /** Whether we loaded the volume that is in it, and nothing has happened to it since. */
  loaded = false
  /** What the user was told last. `undefined`: a command's end is not known. */
  place: Place | undefined
  /** Whether the drive is known to stand there. */
  #proven = false
  /** Why it has to be proven. */
  doubt = ''
  /** The last place that was certain: from where counting can begin. */
  lastCertain: Place = { object: 0, file: 0 }
  map: TapeMap = new TapeMap()
  /** Since the volume was loaded the drive was reset, or another connection made: drives that don't tell of a change may hold another. */
  volumeInDoubt = false
  /** The key under which the drive is reserved for us. */
  reservedBy: bigint | undefined
  /** A reset or another host may have ended our reservation, and that nobody takes the volume out. */
  holdInDoubt = false
  /** What the volume begins with, where it was read or written since it was loaded: how it is known again. */
  firstBlock: { readonly bytes: number; readonly crc: number } | undefined
  /** What the drive was told to encrypt with. */
  #heldKey: HeldKey | undefined
  /** The connection on which the place was proven. */
  #nexus = 0
  readonly #alerts: Map<number, TapeAlert> = new Map()

  constructor(
    transport: ScsiTransport,
    clock: Clock,
    name: string,
    times: MotionTimes = {},
    declared?: DriveQuirks,
  ) {
    this.name = name
    this.clock = clock
    this.times = { ...defaultMotionTimes, ...times }
    this.#declared = declared
    this.unit = new ScsiUnit(transport, 'tape', clock, (told) => this.attention(told))
  }

  /** Who the drive is; asked once. It tells that also while another host has it reserved. */
  async who(): Promise<UnitFacts> {
    return (this.#who ??= await askUnit(this.unit))
  }

  /** Who the drive is, and what it can; asked once. */
  async facts(): Promise<DriveFacts> {
    if (this.#facts !== undefined) return this.#facts
    const facts = await this.who()
    const limits = facts.supports.has('read-block-limits')
      ? await this.unit.read(buildCdb('read-block-limits'), 6)
      : undefined
    this.#facts = {
      ...facts,
      quirks: quirksOf(facts.inquiry, this.#declared),
      ...(limits === undefined ? {} : { limits: parseBlockLimits(limits) }),
    }
    return this.#facts
  }

  /** The drive holds nothing of ours any more. */
  forget(): void {
    this.loaded = false
    this.place = undefined
    this.#proven = false
    this.lastCertain = { object: 0, file: 0 }
    this.map = new TapeMap()
    this.volumeInDoubt = false
    this.firstBlock = undefined
    this.dropKey()
  }

  get heldKey(): HeldKey | undefined {
    return this.#heldKey
  }

  /** Whether the drive was told a key that it may not have any more: nothing is to be read or written then. */
  get keyInDoubt(): boolean {
    const held = this.#heldKey
    return held !== undefined && (held.doubted === true || held.nexus !== this.unit.transport.nexus)
  }

  /** The drive is about to be told a key, in place of the one before. */
  holdKey(held: HeldKey): void {
    this.dropKey()
    this.#heldKey = held
  }

  /** The key is not needed any more. */
  dropKey(): void {
    this.#heldKey?.key.fill(0)
    this.#heldKey = undefined
  }

  get proven(): boolean {
    return this.#proven && this.place !== undefined && this.#nexus === this.unit.transport.nexus
  }

  /** The drive stands here, and the user gets to know it. */
  standsAt(place: Place): Place {
    this.place = place
    this.lastCertain = place
    this.#proven = true
    this.#nexus = this.unit.transport.nexus
    return place
  }

  /** The drive may stand elsewhere than it is believed to. */
  doubtPlace(why: string): void {
    this.#proven = false
    this.doubt = why
  }

  /** A command may or may not have been carried out: nobody knows the place. */
  losePlace(why: string): void {
    this.doubtPlace(why)
    this.place = undefined
  }

  /** Takes note of what a unit attention says of the place and of the volume. */
  attention({ meaning, text }: Told): void {
    if (meaning === 'medium-changed') this.forget()
    else if (meaning !== 'attention' && meaning !== 'becoming-ready') this.doubtPlace(text)
    if (meaning === 'reset') this.volumeInDoubt = this.loaded
    if (meaning !== 'reset' && meaning !== 'changed-elsewhere') return
    this.holdInDoubt = true
    if (this.#heldKey !== undefined) this.#heldKey.doubted = true
  }

  position({ object, file }: Place): TapePosition {
    return {
      object,
      ...(file === undefined ? {} : { file }),
      endOfData: this.map.end === object,
      earlyWarning: this.map.isNearEnd(object),
    }
  }

  requireLoaded(): void {
    if (!this.loaded) throw notReady(this.name, 'no volume is loaded')
  }

  /**
   * Runs a command that counts on where the drive stands, over the connection on which that was proven. Rejects with
   * {@link Interrupted} when it was certainly not carried out; where its end is not known the place isn't either.
   */
  async placed(command: Omit<UnitCommand, 'nexus'>, doing: Doing): Promise<Ended> {
    return this.#bound({ ...command, nexus: this.#nexus }, doing)
  }

  /** Runs a motion that is the same from wherever it begins: REWIND, LOCATE, loading. */
  async motion(command: Omit<UnitCommand, 'nexus'>, doing: Doing): Promise<Ended> {
    this.doubtPlace('it was moving')
    const ended = await this.#bound(command, doing)
    this.#nexus = this.unit.transport.nexus
    return ended
  }

  async #bound(command: UnitCommand, doing: Doing): Promise<Ended> {
    let ended: Ended
    try {
      ended = await this.unit.run(command)
    } catch (error) {
      if (wasNotSent(error)) {
        this.doubtPlace('the connection was lost')
        this.volumeInDoubt = this.loaded
        this.holdInDoubt = true
        throw new Interrupted(`the connection was lost: ${(error as Error).message}`, { cause: error })
      }
      if (
        error instanceof NbError &&
        (error.code === 'scsi-access-denied' || error.code === 'argument-invalid')
      )
        throw error
      this.losePlace('how a command ended is not known')
      throw unknownEnd(error, this.name, doing)
    }
    if (!ended.good && ended.meaning === 'no-medium' && this.loaded && doing !== 'unload') {
      // Somebody took the volume; the next one in the drive is another until it was loaded.
      this.forget()
      throw notReady(this.name, `${ended.text}: load the volume again`)
    }
    if (!ended.good && ended.sense.key === senseKey.unitAttention) {
      const wasLoaded = this.loaded
      this.attention(ended)
      if (wasLoaded && !this.loaded) throw notReady(this.name, `${ended.text}: load the volume again`)
      throw new Interrupted(ended.text)
    }
    return ended
  }

  /** Runs something again that was interrupted before it did anything; a unit has a few attentions at most. */
  async uninterrupted<Result>(body: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await body()
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error
        if (attempt >= 10)
          throw new NbError(
            'scsi-command-failed',
            `drive ${this.name}: interrupted again and again: ${error.message}`,
            {
              cause: error,
              retryable: true,
              details: { drive: this.name },
            },
          )
      }
    }
  }

  /** The typed error of a failure: reads the TapeAlert flags first. `keyLabel`: of the key that is missing. */
  async failure(told: Told, doing: Doing, keyLabel?: string): Promise<NbError> {
    const alerts = await this.readAlerts()
    const object = this.proven ? this.place?.object : undefined
    return driveError(told, {
      drive: this.name,
      doing,
      alerts: alerts.map(({ name }) => name),
      ...(object === undefined ? {} : { object }),
      ...(keyLabel === undefined ? {} : { keyLabel }),
    })
  }

  /** The flags that are raised now; they are lowered in the drive by that, and kept here. */
  async readAlerts(options?: CallOptions): Promise<readonly TapeAlert[]> {
    try {
      const { supports } = await this.facts()
      if (!supports.has('log-sense')) return []
      const allocationLength = 4096
      const cdb = buildCdb('log-sense', { control: 1, page: logPage.tapeAlert, allocationLength })
      const bytes = await this.unit.read(cdb, allocationLength, options)
      if (bytes === undefined) {
        supports.refused('log-sense')
        return []
      }
      const alerts = parseTapeAlerts(bytes)
      for (const alert of alerts) this.#alerts.set(alert.flag, alert)
      return alerts
    } catch (error) {
      // The flags explain a failure; that they can't be read must not hide it. They stay raised in the drive.
      if (error instanceof NbError) return []
      throw error
    }
  }

  /** All flags that were raised since this was asked last. */
  takeAlerts(): readonly TapeAlert[] {
    const alerts = [...this.#alerts.values()]
    this.#alerts.clear()
    return alerts
  }
}

import type { Clock } from '@nb/contracts'
import type { SenseData } from '../../scsi/sense.ts'
import type { Cartridge } from '../medium/cartridge.ts'
import { afterLoad, type Volume } from '../medium/volume.ts'
import { CheckCondition } from '../target/answer.ts'
import { type Condition, conditions } from '../target/conditions.ts'
import type { LogicalUnit } from '../target/logical-unit.ts'
import { tapeAlert } from '../target/tape-alerts.ts'
import type { TapeTimings } from '../timings.ts'
import { Stream } from './stream.ts'

/** A volume as a drive has it. */
export interface Medium {
  volume: Volume
  readonly cartridge: Cartridge
}

/** What a mechanism works with. */
export interface MechanismParts {
  readonly clock: Clock
  readonly timings: TapeTimings
  readonly unit: LogicalUnit
  readonly serial: string
  /** Threads what is put into the mouth by itself. */
  readonly autoLoad: boolean
  /** The tape runs so long until the drive asks to be cleaned. Milliseconds. */
  readonly cleanAfterMs: number
  /** Keeps what a volume remembers; durable when it resolves. */
  save(volume: Volume): Promise<void>
  /** The volume is not threaded any more. */
  demounted(): void
  /** What goes on by itself failed; the drive is broken then. */
  failed(error: Error): void
  /** Of the objects that were not durable when the power went, how many got to the tape. */
  surviving(objects: number): number
}

interface Motion {
  readonly condition: Condition
  readonly startedAt: number
  readonly durationMs: number
  readonly ended: Promise<void>
  readonly stop: AbortController
}

/**
 * The mechanics of a tape drive: mouth, threading, tape, buffer. The volume is in the mouth or loaded; `moving` tells of what goes on by itself
 * after its command has ended. Positions change when a motion has ended; one that was interrupted left the tape where it was.
 */
export class Mechanism {
  readonly stream: Stream
  readonly #parts: MechanismParts
  #medium: Medium | undefined
  #loaded = false
  #motion: Motion | undefined
  #cleanAtMs: number
  /** Logical objects before the position. */
  at = 0
  /** A write that failed and was not noticed yet: from that object on nothing is on the tape. */
  lateFailure: { readonly object: number; readonly noticedAt: number } | undefined

  constructor(parts: MechanismParts) {
    this.#parts = parts
    this.stream = new Stream(parts.timings.bytesPerSecond, parts.timings.bufferBytes)
    this.#cleanAtMs = parts.cleanAfterMs
  }

  get medium(): Medium | undefined {
    return this.#medium
  }
  get loaded(): boolean {
    return this.#loaded
  }

  /** Whether a robot can't take the volume. */
  get holds(): boolean {
    return this.#loaded || this.#motion !== undefined || this.#parts.unit.preventing.size > 0
  }

  /** Why there is nothing to read or write, and how far what goes on is. */
  notReady(): SenseData | undefined {
    const motion = this.#motion
    if (motion !== undefined) {
      const share = (this.#parts.clock.now() - motion.startedAt) / motion.durationMs
      return { ...motion.condition, progress: Math.min(65_535, Math.floor(share * 65_536)) }
    }
    if (this.#medium === undefined) return conditions.mediumNotPresent
    if (this.#medium.volume.kind === 'cleaning') return conditions.cleaningCartridge
    return this.#loaded ? undefined : conditions.loadRequired
  }

  /** The loaded medium; throws 2/… without. */
  ready(): Medium {
    const why = this.notReady()
    if (why !== undefined) throw new CheckCondition(why)
    return this.#medium as Medium
  }

  /** A robot puts a volume into the mouth. Resolves when it lies there; what the drive then does goes on. */
  async insert(medium: Medium): Promise<void> {
    this.#medium = medium
    this.#loaded = false
    this.at = 0
    if (medium.volume.kind === 'cleaning') await this.#clean(medium)
    else if (this.#parts.autoLoad) await this.#startLoad()
  }

  /** What a robot takes out of the mouth; throws 5/53/02 while it is held. */
  async take(): Promise<Medium | undefined> {
    if (this.holds) throw new CheckCondition(conditions.removalPrevented)
    const medium = this.#medium
    this.#medium = undefined
    await medium?.cartridge.close()
    return medium
  }

  /** Threads what is in the mouth. `fails`: it does not thread. */
  async load(signal: AbortSignal, immediate: boolean, fails: boolean): Promise<void> {
    await this.settled(signal)
    if (this.#medium === undefined) throw new CheckCondition(conditions.mediumNotPresent)
    if (fails) {
      await this.spend(this.#parts.timings.loadMs, signal)
      throw new CheckCondition(conditions.mediumLoadFailed)
    }
    if (this.#medium.volume.kind === 'cleaning') await this.#clean(this.#medium)
    else if (!this.#loaded) await this.#startLoad()
    else await this.rewind(signal, immediate)
    if (immediate) return
    await this.settled(signal)
    if (this.#parts.unit.broken) throw new CheckCondition(conditions.hardwareFailure)
  }

  /** Rewinds and gives the volume into the mouth. */
  async unload(signal: AbortSignal, immediate: boolean): Promise<void> {
    await this.settled(signal)
    const medium = this.#medium
    if (medium === undefined || !this.#loaded) return
    await this.flush(signal)
    const durationMs = this.#rewindMs() + this.#parts.timings.unloadMs
    await this.#move(conditions.operationInProgress, durationMs, immediate, signal, async () => {
      await this.#parts.save(medium.volume)
      this.#loaded = false
      this.at = 0
      this.#parts.demounted()
    })
  }

  async rewind(signal: AbortSignal, immediate: boolean): Promise<void> {
    this.ready()
    await this.flush(signal)
    await this.#move(conditions.operationInProgress, this.#rewindMs(), immediate, signal, async () => {
      this.at = 0
    })
  }

  /** Stands before an object that is there, or at the end. */
  async moveTo(to: number, signal: AbortSignal, immediate = false): Promise<void> {
    const { cartridge, volume } = this.ready()
    await this.flush(signal)
    if (to === this.at) return
    const { index } = cartridge
    const bytes = Math.abs(index.mediaBytesBefore(to) - index.mediaBytesBefore(this.at))
    const { repositionMs, fullLocateMs } = this.#parts.timings
    const durationMs = repositionMs + (bytes / volume.capacityBytes) * fullLocateMs
    await this.#move(conditions.operationInProgress, durationMs, immediate, signal, async () => {
      this.at = to
    })
  }

  /** A motion over the whole tape, as a long erase is. */
  async wholeTape(signal: AbortSignal, immediate: boolean): Promise<void> {
    const { fullRewindMs } = this.#parts.timings
    await this.#move(conditions.operationInProgress, fullRewindMs, immediate, signal, async () => undefined)
  }

  /** Brings the buffer onto the tape. Throws a deferred 3/0C/00 where a write had failed. */
  async flush(signal: AbortSignal): Promise<void> {
    await this.noticeFailure(true)
    const waitMs = this.stream.end(this.#parts.clock.now())
    await this.#medium?.cartridge.sync()
    await this.spend(waitMs, signal)
    this.#wear()
  }

  /** Notices a write that failed earlier, if the drive has come so far: all from there on is gone. */
  async noticeFailure(flushing: boolean): Promise<void> {
    const failure = this.lateFailure
    if (failure === undefined || (!flushing && this.at < failure.noticedAt)) return
    this.lateFailure = undefined
    await this.#medium?.cartridge.cut(failure.object)
    this.at = failure.object
    this.#parts.unit.alerts.raise(tapeAlert.writeFailure)
    throw new CheckCondition(conditions.writeError, { deferred: true })
  }

  /** Takes this long. */
  async spend(durationMs: number, signal: AbortSignal): Promise<void> {
    const wholeMs = Math.round(durationMs)
    if (wholeMs > 0) await this.#parts.clock.sleep(wholeMs, { signal })
  }

  now(): number {
    return this.#parts.clock.now()
  }

  /** Resolves when nothing goes on by itself; rejects with the signal's reason when that aborts first. */
  async settled(signal?: AbortSignal): Promise<void> {
    const ended = this.#motion?.ended
    if (ended === undefined || signal === undefined) return ended
    signal.throwIfAborted()
    let onAbort = (): void => undefined
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason as Error)
    })
    signal.addEventListener('abort', onAbort, { once: true })
    await Promise.race([ended, aborted]).finally(() => signal.removeEventListener('abort', onAbort))
  }

  /** What goes on by itself ends where it is. */
  async stopMotion(): Promise<void> {
    this.#motion?.stop.abort(new Error('it was stopped'))
    await this.#motion?.ended
  }

  /** The drive asks to be cleaned. */
  needCleaning(): void {
    this.#parts.unit.alerts.raise(tapeAlert.cleanNow)
  }

  /** The power goes: with it the buffer, but for what had got to the tape. The volume stays where it is. Between two commands. */
  async loseBuffer(): Promise<void> {
    this.lateFailure = undefined
    this.stream.end(this.now())
    const cartridge = this.#medium?.cartridge
    if (cartridge === undefined) return
    const buffered = cartridge.index.objects - cartridge.durableObjects
    await cartridge.cut(cartridge.durableObjects + this.#parts.surviving(buffered))
  }

  /** The power comes: what lies in the mouth is loaded. */
  async powerOn(): Promise<void> {
    if (this.#medium !== undefined) await this.insert(this.#medium)
  }

  /** Ends the work without losing anything. */
  async shutDown(): Promise<void> {
    await this.stopMotion()
    const medium = this.#medium
    this.#medium = undefined
    this.#loaded = false
    if (medium === undefined) return
    await medium.cartridge.sync()
    await this.#parts.save(medium.volume)
    await medium.cartridge.close()
  }

  async #startLoad(): Promise<void> {
    const medium = this.#medium as Medium
    const { loadMs } = this.#parts.timings
    await this.#move(conditions.becomingReady, loadMs, true, undefined, async () => {
      medium.volume = afterLoad(medium.volume, this.#parts.serial)
      await this.#parts.save(medium.volume)
      this.#loaded = true
      this.at = 0
      const { unit } = this.#parts
      unit.alerts.clear(
        tapeAlert.media,
        tapeAlert.readFailure,
        tapeAlert.writeFailure,
        tapeAlert.writeProtect,
      )
      unit.attentions.raise(conditions.mediumChanged)
    })
  }

  /** A cleaning cartridge does its work once and comes back into the mouth; one that is used up does nothing. */
  async #clean(medium: Medium): Promise<void> {
    const { alerts } = this.#parts.unit
    const { cleaningsLeft } = medium.volume
    alerts.raise(tapeAlert.cleaningMedia)
    const durationMs = cleaningsLeft > 0 ? this.#parts.timings.cleanMs : this.#parts.timings.loadMs
    await this.#move(conditions.cleaningCartridge, durationMs, true, undefined, async () => {
      alerts.clear(tapeAlert.cleaningMedia)
      if (cleaningsLeft === 0) {
        alerts.raise(tapeAlert.expiredCleaning)
        return
      }
      medium.volume = { ...medium.volume, cleaningsLeft: cleaningsLeft - 1, loads: medium.volume.loads + 1 }
      await this.#parts.save(medium.volume)
      alerts.clear(tapeAlert.cleanNow, tapeAlert.cleanPeriodic, tapeAlert.expiredCleaning)
      this.#cleanAtMs = this.stream.ranMs + this.#parts.cleanAfterMs
    })
  }

  #wear(): void {
    const { alerts } = this.#parts.unit
    if (this.stream.ranMs >= this.#cleanAtMs && !alerts.has(tapeAlert.cleanNow)) this.needCleaning()
    else if (this.stream.ranMs >= this.#cleanAtMs * 0.9 && !alerts.has(tapeAlert.cleanPeriodic))
      alerts.raise(tapeAlert.cleanPeriodic)
  }

  #rewindMs(): number {
    const medium = this.#medium
    if (medium === undefined || this.at === 0) return 0
    const share = medium.cartridge.index.mediaBytesBefore(this.at) / medium.volume.capacityBytes
    return share * this.#parts.timings.fullRewindMs
  }

  /** A motion: waited for, or going on by itself. */
  async #move(
    condition: Condition,
    durationMs: number,
    immediate: boolean,
    signal: AbortSignal | undefined,
    atEnd: () => Promise<void>,
  ): Promise<void> {
    const wholeMs = Math.round(durationMs)
    if (wholeMs <= 0) return atEnd()
    if (!immediate && signal !== undefined) {
      await this.#parts.clock.sleep(wholeMs, { signal })
      return atEnd()
    }
    const stop = new AbortController()
    const ended = this.#parts.clock
      .sleep(wholeMs, { signal: stop.signal })
      .then(atEnd)
      .catch((error: unknown) => {
        if (stop.signal.aborted) return
        this.#parts.unit.broken = true
        this.#parts.failed(error instanceof Error ? error : new Error(String(error)))
      })
      .finally(() => (this.#motion = undefined))
    this.#motion = { condition, startedAt: this.#parts.clock.now(), durationMs: wholeMs, ended, stop }
  }
}

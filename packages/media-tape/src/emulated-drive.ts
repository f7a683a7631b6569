import {
  type CallOptions,
  type Clock,
  type DriveStatus,
  NbError,
  type ReadResult,
  SerialQueue,
  type SpaceRequest,
  type SpaceResult,
  type TapeDrive,
  type TapePosition,
  throwIfAborted,
  type WriteResult,
} from '@nb/contracts'
import type { Cartridge } from './cartridge.ts'
import type { TapeTimings } from './tape-timings.ts'

/** A volume as a drive gets it. */
export interface DriveVolume {
  readonly barcode: string
  readonly writeProtected: boolean
  /** Bytes of blocks that fit on it. */
  readonly capacityBytes: number
  /** The last bytes of the capacity, in which the early warning is given. */
  readonly earlyWarningBytes: number
  readonly cartridge: Cartridge
}

const mostBlockBytes = 8 * 1024 ** 2
/** Streaming time is slept in pieces of at least this, so that small blocks don't cost a timer each. */
const leastSleepMs = 10

/** A drive in memory. Its motions and transfers take the time that they are given, on the clock. */
export class EmulatedDrive implements TapeDrive {
  readonly name: string
  readonly #clock: Clock
  readonly #timings: TapeTimings
  readonly #commands: SerialQueue = new SerialQueue()
  #volume: DriveVolume | undefined
  #loaded = false
  /** Logical objects before the position. */
  #at = 0
  #owedMs = 0

  constructor(name: string, clock: Clock, timings: TapeTimings) {
    this.name = name
    this.#clock = clock
    this.#timings = timings
  }

  /** The volume in the drive, loaded or not. */
  get barcode(): string | undefined {
    return this.#volume?.barcode
  }

  /** A robot puts a volume into the mouth. */
  insert(volume: DriveVolume): void {
    this.#volume = volume
  }

  /** A robot takes the volume out of the mouth. Rejects with `state-conflict` while it is loaded. */
  async take(): Promise<void> {
    await this.#commands.run(async () => {
      if (this.#loaded)
        throw new NbError(
          'state-conflict',
          `${this.name} holds volume ${this.barcode ?? ''}; unload it first`,
          {
            details: { drive: this.name, barcode: this.barcode ?? '' },
          },
        )
      await this.#letGo()
    })
  }

  /** Ends the drive's work without moving the tape; nothing that was written is lost. */
  async switchOff(): Promise<void> {
    await this.#commands.run(async () => {
      await this.#volume?.cartridge.sync()
      await this.#letGo()
    })
  }

  async #letGo(): Promise<void> {
    const volume = this.#volume
    this.#volume = undefined
    this.#loaded = false
    this.#at = 0
    await volume?.cartridge.close()
  }

  async status(options?: CallOptions): Promise<DriveStatus> {
    return this.#command(options, async () => {
      const volume = this.#volume
      if (volume === undefined) return { state: 'empty' }
      const { barcode, writeProtected } = volume
      if (!this.#loaded) return { state: 'present', barcode, writeProtected }
      return { state: 'loaded', barcode, writeProtected, position: this.#position(volume) }
    })
  }

  async load(options?: CallOptions): Promise<TapePosition> {
    return this.#command(options, async () => {
      if (this.#volume === undefined) throw this.#notReady('there is no volume in it')
      if (!this.#loaded) await this.#spend(this.#timings.loadMs)
      if (!this.#loaded) this.#at = 0
      this.#loaded = true
      return this.#position(this.#volume)
    })
  }

  async unload(options?: CallOptions): Promise<void> {
    await this.#command(options, async () => {
      if (this.#volume === undefined || !this.#loaded) return
      await this.#volume.cartridge.sync()
      await this.#spend(this.#rewindMs(this.#volume) + this.#timings.unloadMs)
      this.#loaded = false
      this.#at = 0
    })
  }

  async rewind(options?: CallOptions): Promise<TapePosition> {
    return this.#onVolume(options, async (volume) => {
      await volume.cartridge.sync()
      await this.#spend(this.#rewindMs(volume))
      this.#at = 0
      return this.#position(volume)
    })
  }

  async locate({ object }: { readonly object: number }, options?: CallOptions): Promise<TapePosition> {
    checkCount('object', object, 0)
    return this.#onVolume(options, async (volume) => {
      const { objects } = volume.cartridge.index
      await this.#move(volume, Math.min(object, objects))
      if (object <= objects) return this.#position(volume)
      throw new NbError(
        'media-position-failed',
        `object ${object} is beyond the end of data (${objects}) of volume ${volume.barcode}`,
        { retryable: false, details: { drive: this.name, barcode: volume.barcode, object: this.#at } },
      )
    })
  }

  async space(input: SpaceRequest, options?: CallOptions): Promise<SpaceResult> {
    if (input.over !== 'end-of-data') checkCount('count', input.count, -Number.MAX_SAFE_INTEGER)
    return this.#onVolume(options, async (volume) => {
      const { index } = volume.cartridge
      if (input.over === 'end-of-data') {
        await this.#move(volume, index.objects)
        return { passed: 0, position: this.#position(volume) }
      }
      const spaced =
        input.over === 'blocks'
          ? spaceBlocks(volume.cartridge, this.#at, input.count)
          : spaceFilemarks(volume.cartridge, this.#at, input.count)
      await this.#move(volume, spaced.to)
      const { passed, stoppedBy } = spaced
      return { passed, ...(stoppedBy === undefined ? {} : { stoppedBy }), position: this.#position(volume) }
    })
  }

  async writeBlock({ data }: { readonly data: Uint8Array }, options?: CallOptions): Promise<WriteResult> {
    if (data.length < 1 || data.length > mostBlockBytes)
      throw new RangeError(`a block of ${data.length} bytes; allowed: 1–${mostBlockBytes}`)
    return this.#onVolume(options, async (volume) => {
      this.#requireWritable(volume)
      const { cartridge } = volume
      if (cartridge.index.bytesBefore(this.#at) + data.length > volume.capacityBytes)
        return { written: false, stoppedBy: 'end-of-medium', position: this.#position(volume) }
      await this.#write(volume, async () => {
        await cartridge.cut(this.#at)
        await cartridge.appendBlock(data)
        this.#at += 1
      })
      await this.#stream(data.length)
      return { written: true, position: this.#position(volume) }
    })
  }

  async writeFilemarks(
    { count, immediate = false }: { readonly count: number; readonly immediate?: boolean },
    options?: CallOptions,
  ): Promise<WriteResult> {
    checkCount('count', count, 0)
    return this.#onVolume(options, async (volume) => {
      this.#requireWritable(volume)
      const { cartridge } = volume
      await this.#write(volume, async () => {
        if (count > 0) await cartridge.cut(this.#at)
        for (let mark = 0; mark < count; mark++) {
          await cartridge.appendFilemark()
          this.#at += 1
        }
        if (!immediate) await cartridge.sync()
      })
      if (!immediate) await this.#spend(this.#timings.repositionMs)
      return { written: true, position: this.#position(volume) }
    })
  }

  async readBlock({ target }: { readonly target: Uint8Array }, options?: CallOptions): Promise<ReadResult> {
    return this.#onVolume(options, async (volume) => {
      const { cartridge } = volume
      const at = this.#at
      if (at >= cartridge.index.objects) return { kind: 'end-of-data', position: this.#position(volume) }
      this.#at += 1
      if (cartridge.index.isFilemark(at)) return { kind: 'filemark', position: this.#position(volume) }
      const block = await cartridge.read(at)
      await this.#stream(block.length)
      target.set(block.subarray(0, target.length))
      const truncated = block.length > target.length
      return { kind: 'block', blockBytes: block.length, truncated, position: this.#position(volume) }
    })
  }

  async position(options?: CallOptions): Promise<TapePosition> {
    return this.#onVolume(options, async (volume) => this.#position(volume))
  }

  #command<Result>(options: CallOptions | undefined, run: () => Promise<Result>): Promise<Result> {
    return this.#commands.run(async () => {
      throwIfAborted(options)
      return run()
    })
  }

  #onVolume<Result>(
    options: CallOptions | undefined,
    run: (volume: DriveVolume) => Promise<Result>,
  ): Promise<Result> {
    return this.#command(options, async () => {
      if (this.#volume === undefined) throw this.#notReady('there is no volume in it')
      if (!this.#loaded) throw this.#notReady(`volume ${this.#volume.barcode} is not loaded`)
      return run(this.#volume)
    })
  }

  #position(volume: DriveVolume): TapePosition {
    const { index } = volume.cartridge
    return {
      object: this.#at,
      file: index.filemarksBefore(this.#at),
      endOfData: this.#at >= index.objects,
      earlyWarning: index.bytesBefore(this.#at) >= volume.capacityBytes - volume.earlyWarningBytes,
    }
  }

  #requireWritable({ barcode, writeProtected }: DriveVolume): void {
    if (!writeProtected) return
    throw new NbError('media-write-protected', `volume ${barcode} is write-protected`, {
      details: { drive: this.name, barcode, object: this.#at },
    })
  }

  #notReady(why: string): NbError {
    return new NbError('drive-not-ready', `drive ${this.name} is not ready: ${why}`, {
      details: { drive: this.name },
    })
  }

  /** Runs a change of what is recorded; if it fails the drive stands where the record then ends. */
  async #write(volume: DriveVolume, change: () => Promise<void>): Promise<void> {
    try {
      await change()
    } catch (cause) {
      this.#at = Math.min(this.#at, volume.cartridge.index.objects)
      throw new NbError('media-write-failed', `volume ${volume.barcode} could not be written`, {
        cause,
        details: { drive: this.name, barcode: volume.barcode, object: this.#at },
      })
    }
  }

  async #move(volume: DriveVolume, to: number): Promise<void> {
    const { index } = volume.cartridge
    await volume.cartridge.sync()
    if (to === this.#at) return
    const distance = Math.abs(index.bytesBefore(to) - index.bytesBefore(this.#at)) / volume.capacityBytes
    await this.#spend(this.#timings.repositionMs + distance * this.#timings.fullLocateMs)
    this.#at = to
  }

  #rewindMs({ cartridge, capacityBytes }: DriveVolume): number {
    return (cartridge.index.bytesBefore(this.#at) / capacityBytes) * this.#timings.fullRewindMs
  }

  async #stream(bytes: number): Promise<void> {
    this.#owedMs += (bytes / this.#timings.bytesPerSecond) * 1000
    if (this.#owedMs >= leastSleepMs) await this.#spend(0)
  }

  /** Takes this long, and what streaming still owes. */
  async #spend(durationMs: number): Promise<void> {
    const wholeMs = Math.round(durationMs + this.#owedMs)
    this.#owedMs = 0
    if (wholeMs > 0) await this.#clock.sleep(wholeMs)
  }
}

interface Spaced {
  readonly to: number
  readonly passed: number
  readonly stoppedBy?: NonNullable<SpaceResult['stoppedBy']>
}

/** Over blocks: a filemark ends it, passed going forward, not passed going back. */
function spaceBlocks({ index }: Cartridge, from: number, count: number): Spaced {
  let to = from
  for (let passed = 0; passed < Math.abs(count); passed++) {
    if (count > 0) {
      if (to >= index.objects) return { to, passed, stoppedBy: 'end-of-data' }
      if (index.isFilemark(to)) return { to: to + 1, passed, stoppedBy: 'filemark' }
      to += 1
    } else {
      if (to === 0) return { to, passed, stoppedBy: 'beginning' }
      if (index.isFilemark(to - 1)) return { to: to - 1, passed, stoppedBy: 'filemark' }
      to -= 1
    }
  }
  return { to, passed: Math.abs(count) }
}

/** Over filemarks: after the last of them going forward, before it going back. */
function spaceFilemarks({ index }: Cartridge, from: number, count: number): Spaced {
  const before = index.filemarksBefore(from)
  if (count > 0) {
    const found = index.findFilemark(before + count - 1)
    if (found !== undefined) return { to: found + 1, passed: count }
    const passed = index.filemarksBefore(index.objects) - before
    return { to: index.objects, passed, stoppedBy: 'end-of-data' }
  }
  if (count === 0) return { to: from, passed: 0 }
  const found = before + count >= 0 ? index.findFilemark(before + count) : undefined
  if (found !== undefined) return { to: found, passed: -count }
  return { to: 0, passed: before, stoppedBy: 'beginning' }
}

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${name} is ${value}; allowed: whole numbers${least === 0 ? ' from 0 on' : ''}`)
}

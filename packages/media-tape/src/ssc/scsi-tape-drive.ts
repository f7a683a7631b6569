import {
  type CallOptions,
  type DriveStatus,
  NbError,
  type ReadResult,
  SerialQueue,
  type SpaceRequest,
  type SpaceResult,
  type TapeEncryption,
  type TapePosition,
  throwIfAborted,
  type WriteResult,
} from '@nb/contracts'
import { attribute, attributeText, type MediumAttribute } from '../scsi/attributes.ts'
import type { TapeAlert } from '../scsi/tape-alert.ts'
import type { DensityDescriptor } from '../scsi/tape-answers.ts'
import { CountedPositions } from './counted-positions.ts'
import {
  clearKey,
  clearLeftKey,
  encryptionStatus,
  nextBlock,
  setKey,
  setKeyAgain,
} from './drive-encryption.ts'
import { notWhereBelieved } from './drive-errors.ts'
import { describeQuirks } from './drive-quirks.ts'
import { DriveSession, Interrupted, type Place } from './drive-session.ts'
import {
  changeSettings,
  type DriveSettings,
  type DriveSettingsChange,
  readAttributes,
  readDensities,
  readSettings,
  selectBlockLength,
} from './drive-settings.ts'
import { cleanDrive, loadVolume, preventRemoval, readiness, unloadVolume } from './loading.ts'
import { type Positions, rewind } from './positions.ts'
import { checkReservationKey, releaseDrive, reserveDrive } from './reservation.ts'
import { ReportedPositions } from './reported-positions.ts'
import { BlockTransfer } from './block-transfer.ts'
import type {
  DriveIdentity,
  ScsiTapeDrive,
  ScsiTapeDriveComponents,
  ScsiTapeDriveOptions,
} from './scsi-drive-types.ts'

const mostBlockBytes = 8 * 1024 ** 2

/** Makes a tape drive of a SCSI transport. Nothing is sent before its first command. */
export function createScsiTapeDrive(
  { transport, clock }: ScsiTapeDriveComponents,
  options: ScsiTapeDriveOptions = {},
): ScsiTapeDrive {
  const { name = transport.name, times, quirks, fixedBlockBytes = 0 } = options
  if (!Number.isSafeInteger(fixedBlockBytes) || fixedBlockBytes < 0 || fixedBlockBytes > mostBlockBytes)
    throw new TypeError(`fixedBlockBytes is ${fixedBlockBytes}; allowed: 1–${mostBlockBytes}`)
  return new Drive(new DriveSession(transport, clock, name, times, quirks), fixedBlockBytes)
}

/**
 * The engine. What it believes of the place is what its user was told last. A command that counts on the place goes on only while
 * the drive is known to stand there: after a reset or a new connection the place is found out first, and where it is another one the
 * command is refused, once, with the true place.
 */
class Drive implements ScsiTapeDrive {
  readonly #session: DriveSession
  readonly #fixedBlockBytes: number
  readonly #commands: SerialQueue = new SerialQueue()
  #positions: Positions
  #blocks: BlockTransfer

  constructor(session: DriveSession, fixedBlockBytes: number) {
    this.#session = session
    this.#fixedBlockBytes = fixedBlockBytes
    this.#positions = new ReportedPositions(session)
    this.#blocks = new BlockTransfer(session, this.#positions, fixedBlockBytes)
  }

  get name(): string {
    return this.#session.name
  }

  readonly encryption: TapeEncryption = {
    status: async (options) => this.#command(options, async () => encryptionStatus(this.#session, options)),
    set: async (setting, options) =>
      this.#command(options, async () => {
        this.#session.requireLoaded()
        await setKey(this.#session, setting, options)
      }),
    clear: async (options) => this.#command(options, async () => clearKey(this.#session, options)),
    nextBlock: async (options) => this.#relative(options, async () => nextBlock(this.#session, options)),
  }

  async status(options?: CallOptions): Promise<DriveStatus> {
    return this.#command(options, async () => {
      const { state } = await readiness(this.#session)
      if (state === 'no-medium' || state === 'loadable') this.#session.forget()
      if (state !== 'ready') return { state: state === 'no-medium' ? 'empty' : 'present' }
      const barcode = await this.#barcode()
      const settings = await readSettings(this.#session).catch((error: unknown) => {
        if (error instanceof NbError && error.code === 'not-supported') return undefined
        throw error
      })
      const { loaded, place, proven } = this.#session
      return {
        state: loaded ? 'loaded' : 'present',
        ...(settings === undefined ? {} : { writeProtected: settings.writeProtected }),
        ...(barcode === undefined ? {} : { barcode }),
        ...(loaded && proven && place !== undefined ? { position: this.#session.position(place) } : {}),
      }
    })
  }

  async #barcode(): Promise<string | undefined> {
    const found = (await readAttributes(this.#session)).find(({ id }) => id === attribute.barcode)
    const text = found === undefined ? '' : attributeText(found)
    return text === '' ? undefined : text
  }

  async load(options?: CallOptions): Promise<TapePosition> {
    return this.#command(options, async () => {
      const session = this.#session
      const now = await readiness(session)
      if (now.state === 'ready' && session.loaded && session.place !== undefined) {
        const where = await this.#where().catch((error: unknown) => {
          // Another volume: it's loaded as any other.
          if (error instanceof NbError && error.code === 'drive-not-ready') return undefined
          throw error
        })
        if (where !== undefined) return where
      }
      session.forget()
      if (now.state !== 'ready') await loadVolume(session)
      session.loaded = true
      try {
        await this.#hold()
        await clearLeftKey(session)
        await this.#prepare()
      } catch (error) {
        session.forget()
        throw error
      }
      return session.position(session.standsAt({ object: 0, file: 0 }))
    })
  }

  /** Sets up for the volume that was loaded: the way to know places, the length of blocks. */
  async #prepare(): Promise<void> {
    const { quirks } = await this.#session.facts()
    const reported = quirks.positions === 'reported' ? new ReportedPositions(this.#session) : undefined
    this.#positions = reported ?? new CountedPositions(this.#session)
    this.#blocks = new BlockTransfer(this.#session, this.#positions, this.#fixedBlockBytes)
    if (this.#fixedBlockBytes > 0) await selectBlockLength(this.#session, this.#fixedBlockBytes)
    const believable = await this.#session.uninterrupted(async () => {
      await rewind(this.#session)
      return (await reported?.atBeginning()) ?? true
    })
    if (believable) return
    throw new NbError(
      'not-supported',
      `drive ${this.name} does not know that it stands at the beginning of the tape: it may need the quirk positions: 'counted'`,
      { details: { drive: this.name, quirk: 'positions' } },
    )
  }

  async unload(options?: CallOptions): Promise<void> {
    await this.#command(options, async () => {
      const { state } = await readiness(this.#session)
      if (state === 'no-medium' || state === 'loadable') return this.#session.forget()
      await this.#settle()
      await this.#session.readAlerts()
      if (this.#session.heldKey !== undefined) await clearKey(this.#session)
      await preventRemoval(this.#session, false)
      await unloadVolume(this.#session)
      this.#session.forget()
    })
  }

  async rewind(options?: CallOptions): Promise<TapePosition> {
    return this.#command(options, async () => {
      this.#session.requireLoaded()
      const place = await this.#session.uninterrupted(async () => {
        await this.#sure()
        await this.#settle()
        return rewind(this.#session)
      })
      return this.#session.position(this.#session.standsAt(place))
    })
  }

  async locate({ object }: { readonly object: number }, options?: CallOptions): Promise<TapePosition> {
    checkCount('object', object, 0)
    return this.#command(options, async () => {
      this.#session.requireLoaded()
      const place = await this.#session.uninterrupted(async () => {
        await this.#sure()
        await this.#settle()
        return this.#positions.goTo(object)
      })
      return this.#session.position(this.#session.standsAt(place))
    })
  }

  async space(input: SpaceRequest, options?: CallOptions): Promise<SpaceResult> {
    if (input.over !== 'end-of-data') checkCount('count', input.count, -Number.MAX_SAFE_INTEGER)
    return this.#relative(options, async (from) => {
      await this.#settle()
      const { passed, stoppedBy, place } = await this.#positions.space(from, input)
      const position = this.#session.position(this.#session.standsAt(place))
      return { passed, ...(stoppedBy === undefined ? {} : { stoppedBy }), position }
    })
  }

  async writeBlock({ data }: { readonly data: Uint8Array }, options?: CallOptions): Promise<WriteResult> {
    if (data.length < 1 || data.length > mostBlockBytes)
      throw new RangeError(`a block of ${data.length} bytes; allowed: 1–${mostBlockBytes}`)
    return this.#relative(options, async (from) => this.#blocks.write(from, data))
  }

  async writeFilemarks(
    { count, immediate = false }: { readonly count: number; readonly immediate?: boolean },
    options?: CallOptions,
  ): Promise<WriteResult> {
    checkCount('count', count, 0)
    return this.#relative(options, async (from) => this.#blocks.writeFilemarks(from, count, immediate))
  }

  async readBlock({ target }: { readonly target: Uint8Array }, options?: CallOptions): Promise<ReadResult> {
    return this.#relative(options, async (from) => this.#blocks.read(from, target))
  }

  async position(options?: CallOptions): Promise<TapePosition> {
    return this.#command(options, async () => this.#where())
  }

  /** Where the drive stands, found out where it's in doubt; that is what is believed then. */
  async #where(): Promise<TapePosition> {
    const session = this.#session
    session.requireLoaded()
    return session.uninterrupted(async () => {
      const { place, proven } = session
      if (proven && place !== undefined) return session.position(place)
      await this.#sure()
      const found = session.standsAt(await this.#positions.find(session.lastCertain))
      session.requireLoaded()
      return session.position(found)
    })
  }

  async identity(options?: CallOptions): Promise<DriveIdentity> {
    return this.#command(options, async () => {
      const { inquiry, serial, quirks } = await this.#session.facts()
      const { vendor, product, revision } = inquiry
      return {
        vendor,
        product,
        revision,
        ...(serial === undefined ? {} : { serial }),
        quirks: describeQuirks(quirks),
      }
    })
  }

  async takeAlerts(options?: CallOptions): Promise<readonly TapeAlert[]> {
    return this.#command(options, async () => {
      await this.#session.readAlerts(options)
      return this.#session.takeAlerts()
    })
  }

  async settings(options?: CallOptions): Promise<DriveSettings> {
    return this.#command(options, async () => readSettings(this.#session, options))
  }

  async change(change: DriveSettingsChange, options?: CallOptions): Promise<DriveSettings> {
    return this.#command(options, async () => changeSettings(this.#session, change, options))
  }

  async densities(
    { media }: { readonly media: boolean },
    options?: CallOptions,
  ): Promise<readonly DensityDescriptor[]> {
    return this.#command(options, async () => readDensities(this.#session, media, options))
  }

  async clean(options?: CallOptions): Promise<void> {
    return this.#command(options, async () => {
      if (this.#session.loaded)
        throw new NbError('state-conflict', `drive ${this.name} has a volume loaded; unload it first`, {
          details: { drive: this.name },
        })
      await cleanDrive(this.#session)
    })
  }

  async reserve({ key }: { readonly key: bigint }, options?: CallOptions): Promise<void> {
    checkReservationKey(key)
    return this.#command(options, async () => {
      await reserveDrive(this.#session, key)
      this.#session.reservedBy = key
    })
  }

  async release(options?: CallOptions): Promise<void> {
    return this.#command(options, async () => {
      const { reservedBy } = this.#session
      if (reservedBy === undefined) return
      this.#session.reservedBy = undefined
      await releaseDrive(this.#session, reservedBy)
    })
  }

  async attributes(options?: CallOptions): Promise<readonly MediumAttribute[]> {
    return this.#command(options, async () => readAttributes(this.#session, options))
  }

  #command<Result>(options: CallOptions | undefined, run: () => Promise<Result>): Promise<Result> {
    return this.#commands.run(async () => {
      throwIfAborted(options)
      return run()
    })
  }

  /** Runs what counts on the place, once the drive is known to stand where its user believes it to. */
  #relative<Result>(
    options: CallOptions | undefined,
    run: (from: Place) => Promise<Result>,
  ): Promise<Result> {
    return this.#command(options, async () => {
      this.#session.requireLoaded()
      return this.#session.uninterrupted(async () => run(await this.#prove()))
    })
  }

  /** After a reset: that the drive is still reserved for us, keeps its volume, and that it is the same one. */
  async #sure(): Promise<void> {
    if (this.#session.holdInDoubt) await this.#hold()
    await this.#positions.sameVolume()
  }

  /** Nobody else uses the drive, and nobody takes the volume out. */
  async #hold(): Promise<void> {
    const session = this.#session
    if (session.holdInDoubt && session.reservedBy !== undefined)
      await reserveDrive(session, session.reservedBy)
    await preventRemoval(session, true)
    session.holdInDoubt = false
  }

  async #prove(): Promise<Place> {
    const at = await this.#provePlace()
    if (!this.#session.keyInDoubt) return at
    // Its answer may tell of another reset: the place is proven once more then.
    await setKeyAgain(this.#session)
    throw new Interrupted('the key for encryption had to be set again')
  }

  async #provePlace(): Promise<Place> {
    const session = this.#session
    const { place: believed, proven, doubt, lastCertain } = session
    if (proven && believed !== undefined) return believed
    await this.#sure()
    const at = session.standsAt(await this.#positions.find(believed ?? lastCertain))
    session.requireLoaded()
    if (at.object === believed?.object) return at
    throw notWhereBelieved(session.name, at.object, believed?.object, doubt)
  }

  /**
   * Makes what was written last durable before a motion, which would do so as well but not tell when that fails. Where the drive was
   * reset in between, it's found out whether it is still there.
   */
  async #settle(): Promise<void> {
    const session = this.#session
    if (!session.loaded || !this.#blocks.unflushed || session.place === undefined) return
    const { place: believed, proven } = session
    if (!proven) {
      const at = session.standsAt(await this.#positions.find(believed))
      session.requireLoaded()
      if (at.object !== believed.object) throw this.#blocks.lost(at.object, believed.object)
    }
    await this.#blocks.flush(believed)
  }
}

function checkCount(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${name} is ${value}; allowed: whole numbers${least === 0 ? ' from 0 on' : ''}`)
}

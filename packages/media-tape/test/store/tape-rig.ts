import {
  type Allocation,
  type JobLogLine,
  type MediaManager,
  type MediaStore,
  type MediumContent,
  NbError,
  type TapeDrive,
  type Volume,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { STREAM_BLOCK_BYTES, TAPE_BLOCK_BYTES } from '@nb/formats'
import { type MediaStoreFixture, type VirtualClock, collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import {
  type TapeEmulator,
  type TapeEmulatorOptions,
  type TapeKeys,
  type TapeStoreComponents,
  createDeviceManager,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  createTapeStore,
} from '../../src/index.ts'
import { type Motions, countedDrive } from './counted-motions.ts'
import { type DamagingCartridges, damagingCartridges } from './damaging-cartridges.ts'

export const storageUnit = 'tape1'

/** A tape storage unit on an emulated library, with the device manager and the media manager that it has in a site. */
export interface TapeRig extends MediaStoreFixture {
  readonly clock: VirtualClock
  readonly library: TapeEmulator
  readonly cartridges: DamagingCartridges
  readonly media: MediaManager
  readonly lines: readonly JobLogLine[]
  /** The drive of the process that is alive. */
  readonly drive: () => TapeDrive
  /** What the drive was asked for since that process began. */
  readonly motions: () => Motions
  readonly volume: (volumeId?: string) => Promise<Volume>
  /** An allocation of another volume. */
  readonly allocationOf: (purpose: Allocation['purpose'], volumeId?: string) => Allocation
  /** What a volume tells of itself. */
  readonly contents: (volumeId?: string) => Promise<MediumContent[]>
}

type StoreMedia = TapeStoreComponents['media']

/** A process that may end without a word: its commands get nowhere from then on. */
interface Process {
  readonly store: MediaStore
  readonly drive: TapeDrive
  readonly motions: Motions
  readonly end: () => void
}

/**
 * @param group - whoever writes is of this group of jobs that share a drive. @default each has it alone
 * @param around - what the store has for a media manager
 * @param encryption - the keys of the media server, and the pool for which volumes are mounted
 */
export async function tapeRig(
  options: Partial<TapeEmulatorOptions> = {},
  group?: string,
  around: (media: StoreMedia) => StoreMedia = (media) => media,
  { keys, pool = 'NetBackup' }: { readonly keys?: TapeKeys; readonly pool?: string } = {},
): Promise<TapeRig> {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1))
  const cartridges = damagingCartridges()
  const sizes = { capacityBytes: 1024 * TAPE_BLOCK_BYTES, earlyWarningBytes: 64 * TAPE_BLOCK_BYTES }
  const library = createTapeEmulator(
    { clock, store: cartridges },
    { slots: 4, drives: 1, volumes: ['A00001L8', 'A00002L8'], ...sizes, ...options },
  )
  await library.start()
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  await media.putRobot({ name: 'robot1', state: 'up' })
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1', state: 'up' } as const
  await media.putDrive({ ...place, name: 'drive1' })
  const limits = { maxFragmentBytes: 2 ** 30, onDemandOnly: false, maxConcurrentDrives: 1 }
  await media.putStorageUnit({ ...place, ...limits, name: storageUnit, type: 'tape' })
  const lines: JobLogLine[] = []

  const begin = async (): Promise<Process> => {
    let isAlive = true
    const scsi = createScsiTapeDrive({ transport: library.transport('drive1'), clock }, { name: 'drive1' })
    const { drive, motions } = countedDrive(mortal(scsi, () => isAlive))
    const robot = createScsiTapeRobot(
      { transport: library.transport('changer'), clock },
      { name: 'robot1', drives: [{ name: 'drive1', serial: (await scsi.identity()).serial ?? '' }] },
    )
    const log = {
      append: async (input: { readonly lines: readonly JobLogLine[] }) => void lines.push(...input.lines),
    }
    const devices = createDeviceManager({
      robots: { robot1: robot },
      drives: { drive1: { drive, robot: 'robot1' } },
      ...{ media, clock, log },
      ...(keys === undefined ? {} : { keys }),
    })
    await devices.start()
    await devices.updateInventory({ robot: 'robot1' })
    const told = around({
      volumes: (input) => media.volumes(input),
      recordVolumeFiles: (input) => media.recordVolumeFiles(input),
      setVolumeState: (input) => media.setVolumeState(input),
      reportError: (input) => media.reportError(input),
    })
    const store = createTapeStore({ mounts: devices, media: told, clock, log }, { storageUnit })
    return { store, drive, motions, end: () => (isAlive = false) }
  }

  let process = await begin()
  const volume = async (volumeId = 'A00001'): Promise<Volume> =>
    (await collect(media.volumes({ volumeId })))[0] as Volume
  const allocationOf = (purpose: Allocation['purpose'], volumeId = 'A00001'): Allocation => ({
    ...{ allocationId: 'allocation-1', jobId: '1', storageUnit, mediaServer: 'media1', purpose, since: 0 },
    medium: {
      ...{ kind: 'tape', maxFragmentBytes: 2 ** 30, drive: 'drive1', volumeId },
      volumePool: pool,
      ...(group === undefined || purpose === 'read' ? {} : { multiplex: { group, most: 32 } }),
    },
  })
  const contents = async (volumeId?: string): Promise<MediumContent[]> => {
    const medium = await process.store.mount({ allocation: allocationOf('read', volumeId), jobId: '1' })
    try {
      if (medium.contents === undefined) throw new Error('a tape tells what is on it')
      return await collect(medium.contents())
    } finally {
      await medium.unmount()
    }
  }
  return {
    ...{ clock, library, cartridges, media, lines, volume, contents, allocationOf },
    get store() {
      return process.store
    },
    drive: () => process.drive,
    motions: () => process.motions,
    allocation: (purpose) => allocationOf(purpose),
    reopen: async () => {
      process.end()
      process = await begin()
      return process.store
    },
    damage: async ({ backupId, copy, number, offset }) => {
      const found = (await contents()).find(
        (one) =>
          one.kind === 'fragment' &&
          one.backupId === backupId &&
          one.copy === copy &&
          one.fragment.number === number,
      )
      if (found?.kind !== 'fragment') throw new Error('the fragment is not there')
      const { headerBlock = 0, footerBlock = 0, stream } = found.fragment
      const blockBytes = stream === undefined ? TAPE_BLOCK_BYTES : STREAM_BLOCK_BYTES
      const cartridge = await cartridges.open('A00001L8')
      const data: number[] = []
      for (let object = headerBlock + 1; object < footerBlock; object++)
        if (stream === undefined || isOfStream(await cartridge.read(object), stream)) data.push(object)
      const byte = TAPE_BLOCK_BYTES - blockBytes + (offset % blockBytes)
      cartridges.flip('A00001L8', data[Math.floor(offset / blockBytes)] as number, byte)
    },
  }
}

function isOfStream(block: Uint8Array | undefined, stream: number): boolean {
  const name = `.nb/stream-${String(stream).padStart(2, '0')}/`
  return block !== undefined && Buffer.from(block.subarray(0, name.length)).toString('latin1') === name
}

/** A drive as a process sees it. */
function mortal(drive: TapeDrive, isAlive: () => boolean): TapeDrive {
  const alive = <Result>(call: () => Promise<Result>): Promise<Result> =>
    isAlive() ? call() : Promise.reject(new NbError('manager-stopping', 'the process has ended'))
  return {
    name: drive.name,
    encryption: drive.encryption,
    status: (options) => alive(() => drive.status(options)),
    load: (options) => alive(() => drive.load(options)),
    unload: (options) => alive(() => drive.unload(options)),
    rewind: (options) => alive(() => drive.rewind(options)),
    locate: (input, options) => alive(() => drive.locate(input, options)),
    space: (input, options) => alive(() => drive.space(input, options)),
    writeBlock: (input, options) => alive(() => drive.writeBlock(input, options)),
    writeFilemarks: (input, options) => alive(() => drive.writeFilemarks(input, options)),
    readBlock: (input, options) => alive(() => drive.readBlock(input, options)),
    position: (options) => alive(() => drive.position(options)),
  }
}

import {
  type Allocation,
  type Clock,
  type FragmentRecord,
  type MediaStore,
  type MountedMedium,
  type NewFragment,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import {
  createDeviceManager,
  createTapeStore,
  type DeviceManager,
  openTapeLibrary,
  tgtDriveQuirks,
} from '@nb/media-tape'
import { MemoryLevel } from 'memory-level'
import { initiatorName } from './library.ts'

/** A tape storage unit over iSCSI as it is in a site: device manager, media manager, the format. */
export interface BenchStore {
  /** Writes a fragment of so many bytes and makes it durable. */
  write(bytes: number): Promise<Written>
  /** Reads a fragment whole, with all its checksums. */
  read(written: Written): Promise<void>
  stop(): Promise<void>
}

/** A fragment on the tape. */
export interface Written {
  readonly backupId: string
  readonly fragment: FragmentRecord
}

const storageUnit = 'tape1'
const chunkBytes = 256 * 1024

/** Opens the library's drive of this name, and has the volume labelled anew: nobody here knows of images on it. */
export async function openStore(
  clock: Clock,
  {
    url,
    drive: driveName,
    volumeId,
  }: { readonly url: string; readonly drive: string; readonly volumeId: string },
): Promise<BenchStore> {
  const library = await openTapeLibrary({ clock }, { library: url, initiatorName, quirks: tgtDriveQuirks })
  const found = library.drives.find(({ name }) => name === driveName)
  if (found === undefined) throw new Error(`the library has no ${driveName}`)
  const { name: robot } = library.robot
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  await media.putRobot({ name: robot, state: 'up' })
  const place = { mediaServer: 'bench', density: 'hcart', robot, state: 'up' } as const
  await media.putDrive({ ...place, name: driveName })
  const limits = { maxFragmentBytes: 2 ** 40, onDemandOnly: false, maxConcurrentDrives: 1 }
  await media.putStorageUnit({ ...place, ...limits, name: storageUnit, type: 'tape' })
  const devices = createDeviceManager({
    robots: { [robot]: library.robot.robot },
    drives: { [driveName]: { drive: found.drive, robot } },
    ...{ media, clock },
  })
  await devices.start()
  await devices.updateInventory({ robot })
  const store = createTapeStore({ mounts: devices, media, clock }, { storageUnit })
  return new Store(store, devices, () => library.close(), { drive: driveName, volumeId })
}

class Store implements BenchStore {
  readonly #store: MediaStore
  readonly #devices: DeviceManager
  readonly #close: () => Promise<void>
  readonly #medium: { readonly drive: string; readonly volumeId: string }
  #images = 0

  constructor(
    store: MediaStore,
    devices: DeviceManager,
    close: () => Promise<void>,
    medium: { readonly drive: string; readonly volumeId: string },
  ) {
    this.#store = store
    this.#devices = devices
    this.#close = close
    this.#medium = medium
  }

  async write(bytes: number): Promise<Written> {
    const backupId = `bench_${++this.#images}`
    // What the run before has left on the tape is of a catalog that is gone with it.
    if (this.#images === 1) await this.#devices.label({ ...this.#medium, overwrite: true })
    return this.#mounted('write', async (medium) => {
      const writer = await medium.createFragment(fragmentOf(backupId))
      const chunk = Buffer.alloc(chunkBytes, 7)
      for (let at = 0; at < bytes; at += chunkBytes) await writer.write(chunk)
      const trailer = { image: { backupId }, fileList: [], endsAtMember: true, last: true }
      return { backupId, fragment: await writer.commit(trailer) }
    })
  }

  async read({ backupId, fragment }: Written): Promise<void> {
    await this.#mounted('read', async (medium) => {
      const reader = await medium.openFragment({ backupId, copy: 1, fragment })
      let got = 0
      for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes })) got += chunk.length
      await reader.close()
      if (got !== fragment.streamBytes) throw new Error(`${got} bytes of ${fragment.streamBytes}`)
    })
  }

  async stop(): Promise<void> {
    await this.#devices.stop()
    await this.#close()
  }

  async #mounted<Result>(
    purpose: Allocation['purpose'],
    use: (medium: MountedMedium) => Promise<Result>,
  ): Promise<Result> {
    const medium = {
      kind: 'tape',
      maxFragmentBytes: 2 ** 40,
      volumePool: 'NetBackup',
      ...this.#medium,
    } as const
    const allocation = {
      allocationId: 'a1',
      jobId: '1',
      storageUnit,
      mediaServer: 'bench',
      purpose,
      since: 0,
      medium,
    }
    const mounted = await this.#store.mount({ allocation, jobId: '1' })
    try {
      return await use(mounted)
    } finally {
      await mounted.unmount()
    }
  }
}

function fragmentOf(backupId: string): NewFragment {
  return {
    ...{ backupId, copy: 1, number: 1, streamOffset: 0, startsAtMember: true, createdAt: 0 },
    ...{ client: 'bench', policy: 'bench', schedule: 'full' },
  }
}

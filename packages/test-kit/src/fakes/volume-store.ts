import {
  type Allocation,
  type CompressedFrame,
  type FragmentReader,
  type FragmentRecord,
  type FragmentTrailer,
  type FragmentWriter,
  type MediaStore,
  type MountedMedium,
  NbError,
  type NewFragment,
} from '@nb/contracts'

/** Options of {@link createVolumeStore}. */
export interface VolumeStoreOptions {
  /** Name of the storage unit. */
  readonly storageUnit: string
  /** How many bytes a volume takes, for all volumes or for each. */
  readonly volumeBytes: number | ((volumeId: string) => number)
  /** How much of that is left when a fragment is told to end. @default 131072 */
  readonly warningBytes?: number
  /** Whether it is told at all; else the volume ends without a warning. @default true */
  readonly warns?: boolean
}

/** A media store of volumes in memory, each with an end, in drives that one user has at a time. */
export interface VolumeStore extends MediaStore {
  /** What is on each volume, in the order in which it was written. */
  readonly volumes: ReadonlyMap<string, readonly StoredFragment[]>
  /** What was mounted, in order, as `DRIVE VOLUME`. */
  readonly mounts: readonly string[]
}

/** A committed fragment on a volume. */
export interface StoredFragment {
  readonly backupId: string
  readonly copy: number
  readonly record: FragmentRecord
  readonly last: boolean
  readonly payload: Buffer
  readonly previousVolume?: string
}

interface DriveUse {
  readonly over: Promise<void>
}

/** Room for the trailer of a fragment. */
const trailerBytes = 1024

/**
 * Makes one. It keeps what `MediaStore` asks of media with an end: a fragment is told to end before there is no room, or the write that finds
 * none is rejected with `media-end` and what was accepted beyond the room for a trailer is left by `commit`. Without compression.
 */
export function createVolumeStore({
  storageUnit,
  volumeBytes,
  warningBytes = 131_072,
  warns = true,
}: VolumeStoreOptions): VolumeStore {
  const volumes = new Map<string, StoredFragment[]>()
  const mounts: string[] = []
  const drives = new Map<string, DriveUse>()
  const capacityOf = (volumeId: string): number =>
    typeof volumeBytes === 'number' ? volumeBytes : volumeBytes(volumeId)
  const on = (volumeId: string): StoredFragment[] => {
    const known = volumes.get(volumeId) ?? []
    volumes.set(volumeId, known)
    return known
  }
  const usedOn = (volumeId: string): number =>
    on(volumeId).reduce((sum, { payload }) => sum + payload.length + trailerBytes, 0)

  const create = (volumeId: string, fragment: NewFragment): FragmentWriter => {
    if (fragment.compression !== undefined)
      throw new NbError('not-supported', 'volumes in memory take no compressed fragments')
    const room = capacityOf(volumeId) - usedOn(volumeId) - trailerBytes
    if (room <= (warns ? warningBytes : 0)) throw ended(volumeId)
    const pieces: Buffer[] = []
    let bytes = 0
    let left: readonly Uint8Array[] = []
    let isOver = false
    return {
      write: async (chunk) => {
        if (isOver) throw new TypeError('only commit and discard follow the end of a medium')
        // Without a warning some of what was accepted turns out to have no room.
        if (bytes + chunk.length > room + (warns ? 0 : 5000)) {
          isOver = true
          throw ended(volumeId)
        }
        pieces.push(Buffer.from(chunk))
        bytes += chunk.length
      },
      writeFrame: () => Promise.reject(new NbError('not-supported', 'volumes in memory take no frames')),
      get streamBytes() {
        return bytes
      },
      get storedBytes() {
        return bytes
      },
      get mustEnd() {
        return warns && bytes > room - warningBytes
      },
      get left() {
        return left
      },
      commit: async ({ endsAtMember, last }: FragmentTrailer) => {
        const whole = Buffer.concat(pieces)
        const payload = whole.subarray(0, Math.max(0, room))
        const rest = whole.subarray(payload.length)
        left = rest.length === 0 ? [] : [rest]
        const record: FragmentRecord = {
          number: fragment.number,
          streamOffset: fragment.streamOffset,
          streamBytes: payload.length,
          wholeMembers: fragment.startsAtMember && endsAtMember && rest.length === 0,
          blockBytes: 262_144,
          volumeId,
          filemark: on(volumeId).length + 2,
        }
        const { backupId, copy, previousVolume } = fragment
        const before = previousVolume === undefined ? {} : { previousVolume }
        on(volumeId).push({ backupId, copy, record, last: last && rest.length === 0, payload, ...before })
        return record
      },
      discard: () => Promise.resolve(),
    }
  }

  const open = (
    volumeId: string,
    { backupId, copy, fragment }: Parameters<MountedMedium['openFragment']>[0],
  ): FragmentReader => {
    const found = on(volumeId).findLast(
      (each) => each.backupId === backupId && each.copy === copy && each.record.number === fragment.number,
    )
    if (found === undefined)
      throw new NbError(
        'fragment-missing',
        `fragment ${fragment.number} of ${backupId} is not on ${volumeId}`,
      )
    return {
      read: async function* ({ offset, bytes }) {
        await Promise.resolve()
        yield Buffer.from(found.payload.subarray(offset, offset + bytes))
      },
      frames: noFrames,
      close: () => Promise.resolve(),
    }
  }

  const mount = async ({ medium }: Allocation): Promise<MountedMedium> => {
    if (medium.kind !== 'tape') throw new NbError('media-open-failed', 'a volume is to be allocated')
    const { drive, volumeId } = medium
    for (let use = drives.get(drive); use !== undefined; use = drives.get(drive)) await use.over
    let resolve = (): void => undefined
    const over = new Promise<void>((done) => (resolve = done))
    const use = { over }
    drives.set(drive, use)
    mounts.push(`${drive} ${volumeId}`)
    on(volumeId)
    return {
      createFragment: async (fragment) => create(volumeId, fragment),
      openFragment: async (input) => open(volumeId, input),
      describeFragment: () =>
        Promise.reject(new NbError('not-supported', 'volumes in memory describe nothing')),
      unmount: async () => {
        if (drives.get(drive) === use) drives.delete(drive)
        resolve()
      },
    }
  }

  return {
    storageUnit,
    volumes,
    mounts,
    mount: ({ allocation }) => mount(allocation),
    storedImages: nothingStored,
    removeImage: () => Promise.resolve({ fragments: 0, bytes: 0 }),
  }
}

function ended(volumeId: string): NbError {
  return new NbError('media-end', `volume ${volumeId} is full`, { details: { volumeId } })
}

async function* nothingStored(): AsyncGenerator<never> {}

async function* noFrames(): AsyncGenerator<CompressedFrame> {
  throw new NbError('not-supported', 'volumes in memory hold no frames')
}

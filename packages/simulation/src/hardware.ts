import { type AllocatedMedium, type Clock, type MediaManager, NbError } from '@nb/contracts'
import type { FlowNetwork, NetworkLink } from './flow-network.ts'
import type { SimulatedDrive, SimulatedSite, SimulatedVolume } from './site.ts'
import type { TimeSeries } from './time-series.ts'

type TapeMedium = Extract<AllocatedMedium, { kind: 'tape' }>

/** Who uses a drive: a session, with the way to end it. */
export interface DriveUser {
  readonly jobId: string
  /** Ends the session with this reason. */
  readonly fail: (reason: NbError) => void
}

/** The use of a drive by one session. */
export interface DriveUse {
  /** Resolves when the volume is in place. */
  readonly ready: Promise<void>
  /** Ends the use; idempotent. */
  readonly leave: () => void
}

interface Drive {
  readonly spec: SimulatedDrive
  readonly link: NetworkLink
  /** The volume in it. */
  loaded: string | undefined
  /** Under way: the volume that is being brought. */
  changing: { readonly volumeId: string; readonly done: Promise<void> } | undefined
  readonly users: Set<DriveUser>
  /** Users for which the volume is in place, and who have not come to its end. */
  readonly writing: Set<DriveUser>
  /** Users that have come to the end of the volume, and how they go on with the next. */
  readonly atEnd: Map<
    DriveUser,
    { readonly go: (volumeId: string) => void; readonly fail: (reason: Error) => void }
  >
}

/** A volume as a piece of tape. */
interface Tape {
  readonly spec: SimulatedVolume
  /** Written, or being written. */
  usedBytes: number
  readonly images: Map<string, number>
}

/** A disk storage unit as a place of a size. */
interface Disk {
  readonly link: NetworkLink
  readonly capacityBytes: number
  /** What is stored, and what running jobs will have written. */
  usedBytes: number
  /** Of these, the part of running jobs. */
  takenBytes: number
}

/** What the hardware works with. */
export interface HardwareParts {
  readonly clock: Clock
  readonly media: MediaManager
  readonly network: FlowNetwork
}

const defaultMountMs = 60_000
const defaultPositionMs = 30_000

/**
 * Drives, volumes and disks with the limits of their kind: a drive holds one volume, a volume and a disk hold so many
 * bytes, mounting takes its time. What happens to media is told to the media manager as a media server's hardware would
 * tell it: mounts, full volumes, images that come and go.
 */
export class Hardware {
  readonly #parts: HardwareParts
  readonly #drives = new Map<string, Drive>()
  readonly #tapes = new Map<string, Tape>()
  readonly #disks = new Map<string, Disk>()

  constructor(parts: HardwareParts, site: SimulatedSite, seriesOf: (link: string) => TimeSeries) {
    this.#parts = parts
    for (const spec of site.drives ?? []) {
      const name = linkOfDrive(spec.name)
      const { writeBytesPerSecond: bytesPerSecond } = spec
      this.#drives.set(spec.name, {
        spec,
        link: parts.network.addLink({ name, bytesPerSecond, series: seriesOf(name) }),
        loaded: undefined,
        changing: undefined,
        users: new Set(),
        writing: new Set(),
        atEnd: new Map(),
      })
    }
    for (const spec of site.volumes ?? [])
      this.#tapes.set(spec.volumeId, { spec, usedBytes: 0, images: new Map() })
    for (const { name: unit, capacityBytes = Infinity, writeBytesPerSecond } of site.diskUnits ?? []) {
      const name = linkOfDisk(unit)
      const link = parts.network.addLink({
        name,
        bytesPerSecond: writeBytesPerSecond,
        series: seriesOf(name),
      })
      this.#disks.set(unit, { link, capacityBytes, usedBytes: 0, takenBytes: 0 })
    }
  }

  /** Bytes on the disk storage units, by name. */
  diskUse(): ReadonlyMap<string, number> {
    return new Map([...this.#disks].map(([name, { usedBytes }]) => [name, usedBytes]))
  }

  /** Bytes on the volumes, by id. */
  tapeUse(): ReadonlyMap<string, number> {
    return new Map([...this.#tapes].map(([volumeId, { usedBytes }]) => [volumeId, usedBytes]))
  }

  /** The link of a disk in the network. */
  diskLink(unit: string): NetworkLink {
    return this.#disk(unit).link
  }

  /** The link of a drive in the network. */
  driveLink(name: string): NetworkLink {
    return this.#drive(name).link
  }

  /** Room on a disk for an image: taken at once. Rejects with `media-full` (129) when there is too little. */
  takeDisk(unit: string, bytes: number): void {
    const disk = this.#disk(unit)
    if (disk.usedBytes + bytes > disk.capacityBytes) {
      const free = disk.capacityBytes - disk.usedBytes
      throw new NbError('media-full', `storage unit ${unit} has ${free} bytes left, ${bytes} are needed`)
    }
    disk.usedBytes += bytes
    disk.takenBytes += bytes
  }

  /** What was taken for an image is written, or given up. */
  settleDisk(unit: string, bytes: number, isWritten: boolean): void {
    const disk = this.#disk(unit)
    disk.takenBytes -= bytes
    if (!isWritten) disk.usedBytes -= bytes
  }

  /** The size of a disk, and what is free of it beside what is stored; running jobs count when they have ended. */
  diskRoom(unit: string): { readonly totalBytes: number; readonly freeBytes: number } {
    const { capacityBytes, usedBytes, takenBytes } = this.#disk(unit)
    return { totalBytes: capacityBytes, freeBytes: capacityBytes - usedBytes + takenBytes }
  }

  /** An image's data is gone from a disk. */
  clearDisk(unit: string, bytes: number): void {
    this.#disk(unit).usedBytes -= bytes
  }

  /**
   * A session begins to use a drive with its volume. `ready` resolves when the volume is in it and positioned; sessions of
   * one group mount it once. `leave` ends the use at any time; a mount that is under way then goes on.
   */
  use({ drive: name, volumeId }: TapeMedium, user: DriveUser): DriveUse {
    const drive = this.#drive(name)
    drive.users.add(user)
    const { positionMs = defaultPositionMs } = drive.spec
    const ready = this.#load(drive, volumeId)
      .then(() => this.#parts.clock.sleep(positionMs))
      .then(() => void (drive.users.has(user) && drive.writing.add(user)))
    // Who leaves early does not hear how the mount went.
    ready.catch(() => undefined)
    return {
      ready,
      leave: () => {
        if (!drive.users.delete(user)) return
        drive.writing.delete(user)
        drive.atEnd.delete(user)
        this.#turnOver(drive)
      },
    }
  }

  /** Room on the volume in a drive, at most so much: taken at once. */
  takeTape(volumeId: string, backupId: string, bytes: number): number {
    const tape = this.#tape(volumeId)
    const room = Math.min(bytes, tape.spec.capacityBytes - tape.usedBytes)
    if (room <= 0) return 0
    tape.usedBytes += room
    tape.images.set(backupId, (tape.images.get(backupId) ?? 0) + room)
    return room
  }

  /**
   * An image on a volume is gone. What was written for it in vain is overwritten by the next; what has expired keeps its
   * place until the volume has no image left and is written from its beginning again.
   */
  clearTape(volumeId: string, backupId: string, why: 'in-vain' | 'expired'): void {
    const tape = this.#tape(volumeId)
    if (why === 'in-vain') tape.usedBytes -= tape.images.get(backupId) ?? 0
    tape.images.delete(backupId)
    if (tape.images.size === 0) tape.usedBytes = 0
  }

  /**
   * The end of a volume: once all who write to it have come to it, the drive gets the next one, which this resolves with.
   * Rejects with `media-end` (96) when there is none.
   */
  nextVolume({ drive: name }: TapeMedium, user: DriveUser): Promise<string> {
    const drive = this.#drive(name)
    drive.writing.delete(user)
    const next = new Promise<string>((go, fail) => drive.atEnd.set(user, { go, fail })).then((volumeId) => {
      if (drive.users.has(user)) drive.writing.add(user)
      return volumeId
    })
    this.#turnOver(drive)
    return next
  }

  /** The drive breaks: whoever uses it fails with 84. */
  breakDrive(name: string, reason: string): void {
    for (const { fail } of [...this.#drive(name).users])
      fail(new NbError('media-write-failed', `drive ${name} went down: ${reason}`))
  }

  #turnOver(drive: Drive): void {
    if (drive.atEnd.size === 0 || drive.atEnd.size < drive.users.size) return
    const waiting = [...drive.atEnd.values()]
    drive.atEnd.clear()
    this.#bringNext(drive).then(
      (volumeId) => {
        for (const { go } of waiting) go(volumeId)
      },
      (error: Error) => {
        for (const { fail } of waiting) fail(error)
      },
    )
  }

  /** An empty volume of the pool, or of the scratch pool; where none is left, one that has room. */
  async #bringNext(drive: Drive): Promise<string> {
    const { media, clock } = this.#parts
    const present = drive.loaded
    let pool = ''
    for await (const volume of media.volumes({ volumeId: present ?? '' })) pool = volume.pool
    const loaded = new Set<string>()
    for await (const other of media.drives({}))
      if (other.loadedVolume !== undefined) loaded.add(other.loadedVolume)
    const scratch = new Set<string>()
    for await (const each of media.pools({})) if (each.scratch) scratch.add(each.name)
    for (const from of [pool, ...scratch]) {
      for await (const volume of media.volumes({ pool: from })) {
        const { density, robot } = drive.spec
        const fits = volume.density === density && volume.robot === robot && volume.state === 'active'
        if (!fits || volume.assignedAt !== undefined || loaded.has(volume.volumeId)) continue
        if (from !== pool) await media.putVolume({ ...volume, pool })
        await this.#load(drive, volume.volumeId)
        await clock.sleep(drive.spec.positionMs ?? defaultPositionMs)
        return volume.volumeId
      }
    }
    throw new NbError('media-end', `no empty volume is left in pool ${pool} for drive ${drive.spec.name}`)
  }

  async #load(drive: Drive, volumeId: string): Promise<void> {
    while (drive.changing !== undefined) {
      const { changing } = drive
      if (changing.volumeId === volumeId) return changing.done
      // Whoever wanted it has left, else the media manager would not have given the drive to another.
      await changing.done.catch(() => undefined)
    }
    if (drive.loaded === volumeId) return
    if (drive.loaded !== undefined && drive.writing.size > 0) throw twoVolumes(drive, volumeId)
    const done = this.#change(drive, volumeId).finally(() => (drive.changing = undefined))
    drive.changing = { volumeId, done }
    return done
  }

  async #change(drive: Drive, volumeId: string): Promise<void> {
    const { clock, media } = this.#parts
    const { name, mountMs = defaultMountMs, unmountMs = defaultMountMs } = drive.spec
    if (drive.loaded !== undefined) {
      await clock.sleep(unmountMs)
      await media.recordUnmount({ drive: name })
      drive.loaded = undefined
    }
    await clock.sleep(mountMs)
    await media.recordMount({ volumeId, drive: name })
    drive.loaded = volumeId
  }

  #drive(name: string): Drive {
    const drive = this.#drives.get(name)
    if (drive === undefined) throw new NbError('not-found', `the simulated site has no drive ${name}`)
    return drive
  }

  #tape(volumeId: string): Tape {
    const tape = this.#tapes.get(volumeId)
    if (tape === undefined) throw new NbError('not-found', `the simulated site has no volume ${volumeId}`)
    return tape
  }

  #disk(unit: string): Disk {
    const disk = this.#disks.get(unit)
    if (disk === undefined)
      throw new NbError('storage-unit-unknown', `the simulated site has no disk storage unit ${unit}`)
    return disk
  }
}

/** The name of a drive's link in the network. */
export function linkOfDrive(name: string): string {
  return `drive ${name}`
}

/** The name of a disk's link in the network. */
export function linkOfDisk(unit: string): string {
  return `disk ${unit}`
}

function twoVolumes({ spec, loaded }: Drive, wanted: string): NbError {
  return new NbError(
    'internal',
    `drive ${spec.name} is to hold ${wanted} while ${loaded ?? 'nothing'} is written in it`,
  )
}

import { type Drive, type DriveState, NbError } from '@nb/contracts'
import { checkOneOf, checkOptionalText } from './argument-checks.ts'
import type { Change, InventoryView } from './inventory.ts'
import { requireVolume } from './known-volume.ts'
import { inState, wornOut } from './volume-life.ts'
import { isWornOut } from './volume-index.ts'

/**
 * The changes of a mount that has happened: the volume is in the drive, mounted once more, and takes no more writes after the
 * last of its mounts. None when it is in that drive already. Throws `not-found`, `state-conflict`.
 */
export function recordMount(view: InventoryView, volumeId: string, driveName: string, now: number): Change[] {
  const volume = requireVolume(view, volumeId)
  const drive = requireDrive(view, driveName)
  if (drive.loadedVolume === volumeId) return []
  const elsewhere = view.driveWith(volumeId)
  if (elsewhere !== undefined) throw conflict(`volume ${volumeId} is in drive ${elsewhere.name}`, drive)
  if (drive.loadedVolume !== undefined)
    throw conflict(`volume ${drive.loadedVolume} is in drive ${driveName}; note its unmount first`, drive)
  if (drive.density !== volume.density)
    throw conflict(
      `volume ${volumeId} has density ${volume.density}, drive ${driveName} ${drive.density}`,
      drive,
    )
  const mounted = {
    ...volume,
    mounts: volume.mounts + 1,
    firstMountedAt: volume.firstMountedAt ?? now,
    lastMountedAt: now,
  }
  const ends = mounted.state === 'active' && isWornOut(mounted)
  return [
    { table: 'drives', key: driveName, value: { ...drive, loadedVolume: volumeId } },
    {
      table: 'volumes',
      key: volumeId,
      value: ends ? inState(mounted, 'expired', wornOut(mounted).stateReason) : mounted,
    },
  ]
}

/** The changes of an unmount that has happened. Throws `not-found`. */
export function recordUnmount(view: InventoryView, driveName: string): Change[] {
  const { loadedVolume, ...drive } = requireDrive(view, driveName)
  return loadedVolume === undefined ? [] : [{ table: 'drives', key: driveName, value: drive }]
}

/** The changes of the time that volumes were mounted in a drive for jobs since its last cleaning. Throws `not-found`. */
export function recordDriveUse(
  view: InventoryView,
  driveName: string,
  mountMsSinceCleaning: number,
): Change[] {
  const drive = requireDrive(view, driveName)
  if (drive.mountMsSinceCleaning === mountMsSinceCleaning) return []
  return [{ table: 'drives', key: driveName, value: { ...drive, mountMsSinceCleaning } }]
}

/** The changes of a cleaning that has happened. Throws `not-found`. */
export function recordCleaning(view: InventoryView, driveName: string, now: number): Change[] {
  const drive = requireDrive(view, driveName)
  return [{ table: 'drives', key: driveName, value: { ...drive, mountMsSinceCleaning: 0, cleanedAt: now } }]
}

/** The changes that bring a drive up, down or under an operator. Throws `not-found`, `argument-invalid`. */
export function setDriveState(
  view: InventoryView,
  name: string,
  state: DriveState,
  reason: string | undefined,
): Change[] {
  checkOneOf('state', state, ['up', 'down', 'operator'])
  checkOptionalText('reason', reason)
  const { stateReason: _before, ...drive } = requireDrive(view, name)
  const value = { ...drive, state, ...(reason === undefined ? {} : { stateReason: reason }) }
  return [{ table: 'drives', key: name, value }]
}

/** The drive of that name. Throws `not-found`. */
export function requireDrive(view: InventoryView, name: string): Drive {
  const drive = view.drives.get(name)
  if (drive !== undefined) return drive
  throw new NbError('not-found', `drive ${name} is not known`, { details: { drive: name } })
}

const conflict = (message: string, { name }: Drive): NbError =>
  new NbError('state-conflict', message, { details: { drive: name } })

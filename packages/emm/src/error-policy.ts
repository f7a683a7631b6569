import type { Drive, MediaError, MediaErrorVerdict, Volume } from '@nb/contracts'

/** When errors of a medium in a drive have consequences. */
export interface ErrorPolicy {
  /** So many errors within the period do. */
  readonly count: number
  readonly periodMs: number
  /** What becomes of a volume with images on it; one without is always frozen. */
  readonly assignedErrorState: 'frozen' | 'suspended'
}

/** What errors happened to: the volume of the latest one, and its drive. */
export interface Suspects {
  readonly volume?: Volume
  readonly drive: Drive
}

/** What an error leads to, and the reason that the volume or the drive gets for its state. */
export interface Judgement {
  readonly verdict: MediaErrorVerdict
  readonly reason?: string
}

/**
 * What the latest of these errors leads to. With as many as the policy counts within its period:
 *
 * - the errors of the volume are on two drives or more: the volume is bad;
 * - the errors of the drive are on several volumes, or on none that is known: the drive is bad;
 * - all are of one volume in one drive: the volume is taken for bad, as it is cheaper to replace.
 *
 * A volume that takes no more writes for it already, and a drive that is not up, get no second judgement.
 */
export function judge(
  errors: readonly MediaError[],
  latest: MediaError,
  { volume, drive }: Suspects,
  policy: ErrorPolicy,
): Judgement {
  const recent = errors.filter(({ at }) => at > latest.at - policy.periodMs && at <= latest.at)
  const ofVolume = volume === undefined ? [] : recent.filter(({ volumeId }) => volumeId === volume.volumeId)
  const ofDrive = recent.filter((error) => error.drive === drive.name)
  const within = `within ${hours(policy.periodMs)}`
  const drives = new Set(ofVolume.map((error) => error.drive))
  const volumes = new Set(ofDrive.map(({ volumeId }) => volumeId))
  const volumeCounts = ofVolume.length >= policy.count
  const driveCounts = ofDrive.length >= policy.count && (volumes.size > 1 || volumes.has(undefined))
  if (volume !== undefined && volumeCounts && drives.size > 1 && canTakeOut(volume, policy))
    return takeOut(volume, policy, `${ofVolume.length} errors ${within} on drives ${list(drives)}`)
  if (driveCounts && drive.state === 'up')
    return putDown(drive, `${ofDrive.length} errors ${within} ${onVolumes(volumes)}`)
  if (volume !== undefined && volumeCounts && !driveCounts && canTakeOut(volume, policy))
    return takeOut(volume, policy, `${ofVolume.length} errors ${within} in drive ${drive.name}`)
  const counted = Math.max(ofVolume.length, ofDrive.length)
  const text =
    counted < policy.count
      ? `error ${counted} of ${policy.count} ${within}; nothing follows yet`
      : `${counted} errors ${within}; what they led to is in force already`
  return { verdict: { action: 'none', text } }
}

/** The state that errors give to a volume. */
const stateAfter = ({ assignedAt }: Volume, { assignedErrorState }: ErrorPolicy): 'frozen' | 'suspended' =>
  assignedAt === undefined ? 'frozen' : assignedErrorState

const canTakeOut = (volume: Volume, policy: ErrorPolicy): boolean =>
  volume.state !== 'frozen' && volume.state !== stateAfter(volume, policy)

function takeOut(volume: Volume, policy: ErrorPolicy, reason: string): Judgement {
  const state = stateAfter(volume, policy)
  const { volumeId } = volume
  const text = `volume ${volumeId} is ${state}: ${reason}. The way back: forget the errors of volume ${volumeId}, then set it active`
  return { verdict: { action: `volume-${state}`, text }, reason }
}

function putDown(drive: Drive, reason: string): Judgement {
  const text = `drive ${drive.name} is down: ${reason}. The way back: forget the errors of drive ${drive.name}, then bring it up`
  return { verdict: { action: 'drive-down', text }, reason }
}

const mostNamed = 5

function list(names: ReadonlySet<string | undefined>): string {
  const known = [...names].filter((name) => name !== undefined).sort()
  const more = known.length > mostNamed ? ` and ${known.length - mostNamed} more` : ''
  return known.slice(0, mostNamed).join(', ') + more
}

const onVolumes = (volumes: ReadonlySet<string | undefined>): string =>
  volumes.size > 1 ? `on volumes ${list(volumes)}` : 'on no known volume'

/** A period as people say it. */
function hours(ms: number): string {
  const count = ms / 3_600_000
  return count === 1 ? 'an hour' : `${Number(count.toFixed(2))} hours`
}

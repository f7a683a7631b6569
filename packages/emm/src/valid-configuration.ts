import type {
  Drive,
  FurtherNeed,
  MediaError,
  MediaNeed,
  MediaServerEntry,
  Robot,
  StorageUnit,
  StorageUnitGroup,
  Volume,
  VolumePool,
  VolumeState,
} from '@nb/contracts'
import type { ImageOnVolume } from './image-table.ts'
import {
  checkBoolean,
  checkInteger,
  checkName,
  checkNames,
  checkOneOf,
  checkOptionalName,
  checkOptionalText,
  checkOptionalTime,
  invalid,
} from './argument-checks.ts'

const MiB = 1024 ** 2
const PiB = 1024 ** 5
/** More than any site has; it keeps a slip of the finger from being a limit. */
const mostAtOnce = 10_000
/** Jobs that share a drive. */
const mostStreams = 32
/** More mounts than any medium stands. */
const mostMounts = 1_000_000
const barcodeLength = 32
const mostSlots = 100_000
/** What the tape format can number. */
const mostFiles = 2 ** 32 - 1
/** Copies written at once beside the first. */
const mostFurther = 3
const upOrDown = ['up', 'down'] as const

const selections = ['prioritised', 'failover', 'round-robin', 'load-balanced', 'most-free-space'] as const

/** The storage unit with nothing but its own fields. Throws `argument-invalid`. */
export function validStorageUnit(input: StorageUnit): StorageUnit {
  checkName('name', input.name)
  checkOneOf('type', input.type, ['disk', 'tape'])
  checkName('mediaServer', input.mediaServer)
  checkOneOf('state', input.state, upOrDown)
  checkOptionalText('stateReason', input.stateReason)
  checkInteger('maxFragmentBytes', input.maxFragmentBytes, MiB, PiB, ' bytes (1 MiB–1 PiB)')
  checkBoolean('onDemandOnly', input.onDemandOnly)
  const { name, mediaServer, state, stateReason, maxFragmentBytes, onDemandOnly } = input
  const base = { name, mediaServer, state, ...given({ stateReason }), maxFragmentBytes, onDemandOnly }
  if (input.type === 'disk') {
    const { type, maxConcurrentJobs } = input
    checkInteger('maxConcurrentJobs', maxConcurrentJobs, 0, mostAtOnce, ' jobs (0 disables)')
    const { highWaterPercent, lowWaterPercent, staging } = input
    const { high } = checkWaterMarks(highWaterPercent, lowWaterPercent)
    if (lowWaterPercent !== undefined && lowWaterPercent >= high)
      throw invalid('lowWaterPercent', lowWaterPercent, `a whole number below the high-water mark, ${high}`)
    if (staging !== undefined) checkBoolean('staging', staging)
    return {
      ...base,
      type,
      maxConcurrentJobs,
      ...given({ highWaterPercent, lowWaterPercent, staging: staging === true ? staging : undefined }),
    }
  }
  const { type, density, robot, maxConcurrentDrives, maxStreamsPerDrive } = input
  checkName('density', density)
  checkOptionalName('robot', robot)
  checkInteger('maxConcurrentDrives', maxConcurrentDrives, 0, mostAtOnce, ' drives (0 disables)')
  if (maxStreamsPerDrive !== undefined)
    checkInteger('maxStreamsPerDrive', maxStreamsPerDrive, 1, mostStreams, ' jobs')
  return { ...base, type, density, ...given({ robot, maxStreamsPerDrive }), maxConcurrentDrives }
}

function checkWaterMarks(high: number | undefined, low: number | undefined): { readonly high: number } {
  if (high !== undefined) checkInteger('highWaterPercent', high, 1, 100, ' %')
  if (low !== undefined) checkInteger('lowWaterPercent', low, 0, 99, ' %')
  return { high: high ?? 98 }
}

/** The group with nothing but its own fields. Throws `argument-invalid`. */
export function validGroup(input: StorageUnitGroup): StorageUnitGroup {
  const { name, members, selection } = input
  checkName('name', name)
  checkOneOf('selection', selection, selections)
  checkNames('members', members)
  if (new Set(members).size !== members.length) throw invalid('members', members, 'each storage unit once')
  return { name, members: [...members], selection }
}

/** The media server with nothing but its own fields; its load is reported, not configured. Throws `argument-invalid`. */
export function validMediaServer(input: MediaServerEntry): MediaServerEntry {
  const { name, state, stateReason, maxConcurrentJobs } = input
  checkName('name', name)
  checkOneOf('state', state, upOrDown)
  checkOptionalText('stateReason', stateReason)
  if (maxConcurrentJobs !== undefined)
    checkInteger('maxConcurrentJobs', maxConcurrentJobs, 0, mostAtOnce, ' jobs (0 disables)')
  return { name, state, ...given({ stateReason, maxConcurrentJobs }) }
}

/** The robot with nothing but its own fields. Throws `argument-invalid`. */
export function validRobot({ name, state, stateReason }: Robot): Robot {
  checkName('name', name)
  checkOneOf('state', state, upOrDown)
  checkOptionalText('stateReason', stateReason)
  return { name, state, ...given({ stateReason }) }
}

/** The pool with nothing but its own fields. Throws `argument-invalid`. */
export function validPool({ name, scratch, maxPartiallyFull }: VolumePool): VolumePool {
  checkName('name', name)
  checkBoolean('scratch', scratch)
  if (maxPartiallyFull !== undefined)
    checkInteger('maxPartiallyFull', maxPartiallyFull, 1, 1_000_000, ' volumes')
  return { name, scratch, ...given({ maxPartiallyFull }) }
}

/** All states of a volume. */
export const volumeStates: readonly VolumeState[] = [
  'active',
  'full',
  'frozen',
  'suspended',
  'expired',
  'imported',
]

/** The volume with nothing but its own fields. Throws `argument-invalid`. */
export function validVolume(input: Volume): Volume {
  const { volumeId, barcode, density, pool, robot, slot, state, stateReason } = input
  if (typeof volumeId !== 'string' || !/^[A-Za-z0-9]{1,6}$/.test(volumeId))
    throw invalid('volumeId', volumeId, '1–6 letters and digits')
  if (barcode !== undefined && (typeof barcode !== 'string' || !/^[\x21-\x7e]+$/.test(barcode)))
    throw invalid('barcode', barcode, `1–${barcodeLength} printable ASCII characters`)
  if (barcode !== undefined && barcode.length > barcodeLength)
    throw invalid('barcode', barcode, `1–${barcodeLength} printable ASCII characters`)
  checkName('density', density)
  checkName('pool', pool)
  checkOptionalName('robot', robot)
  if (slot !== undefined) checkInteger('slot', slot, 0, mostSlots)
  checkOneOf('state', state, volumeStates)
  checkOptionalText('stateReason', stateReason)
  const { assignedAt, retentionLevel, multiRetention, multiplexed, mounts, maxMounts } = input
  const { firstMountedAt, lastMountedAt, expiresAt, scratchPool } = input
  const { generation, labelledAt, files } = input
  checkOptionalTime('assignedAt', assignedAt)
  if (retentionLevel !== undefined) checkInteger('retentionLevel', retentionLevel, 0, 100)
  if (assignedAt !== undefined && retentionLevel === undefined)
    throw invalid('retentionLevel', retentionLevel, 'a whole number 0–100 on an assigned volume')
  checkInteger('mounts', mounts, 0, Number.MAX_SAFE_INTEGER)
  if (multiRetention !== undefined) checkBoolean('multiRetention', multiRetention)
  if (multiplexed !== undefined) checkBoolean('multiplexed', multiplexed)
  if (maxMounts !== undefined) checkInteger('maxMounts', maxMounts, 1, mostMounts, ' mounts')
  checkOptionalTime('firstMountedAt', firstMountedAt)
  checkOptionalTime('lastMountedAt', lastMountedAt)
  checkOptionalTime('expiresAt', expiresAt)
  checkOptionalName('scratchPool', scratchPool)
  checkOptionalName('generation', generation)
  checkOptionalTime('labelledAt', labelledAt)
  if (files !== undefined) checkFiles(files)
  const place = { barcode, robot, slot, stateReason, scratchPool }
  const content = { assignedAt, retentionLevel, multiRetention, multiplexed }
  const use = { maxMounts, firstMountedAt, lastMountedAt, expiresAt }
  const label = { generation, labelledAt, files }
  return { volumeId, density, pool, state, mounts, ...given({ ...place, ...content, ...use, ...label }) }
}

/** A number of tape files. Throws `argument-invalid`. */
export function checkFiles(files: unknown): asserts files is number {
  checkInteger('files', files, 0, mostFiles)
}

/** A place that a robot has, or none. Throws `argument-invalid`. */
export function checkPlace(robot: unknown, slot: unknown): void {
  checkOptionalName('robot', robot)
  if (slot === undefined) return
  if (robot === undefined) throw invalid('robot', robot, 'a name where there is a slot')
  checkInteger('slot', slot, 0, mostSlots)
}

/** The drive with nothing but its own fields. Throws `argument-invalid`. */
export function validDrive(input: Drive): Drive {
  const { name, mediaServer, density, robot, state, stateReason, loadedVolume } = input
  checkName('name', name)
  checkName('mediaServer', mediaServer)
  checkName('density', density)
  checkOptionalName('robot', robot)
  checkOneOf('state', state, ['up', 'down', 'operator'])
  checkOptionalText('stateReason', stateReason)
  checkOptionalName('loadedVolume', loadedVolume)
  const { mountMsSinceCleaning, cleanedAt } = input
  if (mountMsSinceCleaning !== undefined)
    checkInteger('mountMsSinceCleaning', mountMsSinceCleaning, 0, Number.MAX_SAFE_INTEGER, ' ms')
  checkOptionalTime('cleanedAt', cleanedAt)
  const cleaning = { mountMsSinceCleaning, cleanedAt }
  return { name, mediaServer, density, state, ...given({ robot, stateReason, loadedVolume, ...cleaning }) }
}

/** The error with nothing but its own fields. Throws `argument-invalid`. */
export function validError(input: MediaError): MediaError {
  const { volumeId, drive, kind, jobId, at } = input
  checkOptionalName('volumeId', volumeId)
  checkName('drive', drive)
  checkOneOf('kind', kind, ['read', 'write', 'position'])
  checkOptionalName('jobId', jobId)
  checkInteger('at', at, 0, Number.MAX_SAFE_INTEGER, ' (ms since 1970)')
  return { drive, kind, at, ...given({ volumeId, jobId }) }
}

/** The image with nothing but its own fields. Throws `argument-invalid`. */
export function validImage({ retentionLevel, multiplexed }: ImageOnVolume): ImageOnVolume {
  checkInteger('retentionLevel', retentionLevel, 0, 100)
  if (multiplexed !== undefined) checkBoolean('multiplexed', multiplexed)
  return { retentionLevel, ...(multiplexed === true ? { multiplexed } : {}) }
}

/** The need with nothing but its own fields. Throws `argument-invalid`. */
export function validNeed(input: MediaNeed): MediaNeed {
  checkOneOf('need.kind', input.kind, ['write', 'read'])
  if (input.kind === 'read') {
    checkName('need.storageUnit', input.storageUnit)
    checkOptionalName('need.volumeId', input.volumeId)
    if (input.replaces !== undefined)
      throw invalid('need.replaces', input.replaces, 'nothing: whoever reads gives back before it asks')
    const { storageUnit, volumeId } = input
    return volumeId === undefined ? { kind: 'read', storageUnit } : { kind: 'read', storageUnit, volumeId }
  }
  const { multiplexing, continues, replaces, expectedBytes, further } = input
  const place = validPlace('need', input)
  if (multiplexing !== undefined) checkInteger('need.multiplexing', multiplexing, 1, mostStreams, ' jobs')
  if (continues !== undefined) checkBoolean('need.continues', continues)
  if (expectedBytes !== undefined)
    checkInteger('need.expectedBytes', expectedBytes, 0, Number.MAX_SAFE_INTEGER, ' bytes')
  // What says no more than the default is left out, so that equal needs look alike.
  const need: MediaNeed = { kind: 'write', ...place }
  const shared = multiplexing === undefined || multiplexing === 1 ? need : { ...need, multiplexing }
  const continued = continues === true ? { ...shared, continues } : shared
  checkOptionalName('need.replaces', replaces)
  if (replaces !== undefined && further !== undefined)
    throw invalid('need.further', further.length, 'none where need.replaces is given')
  const exchanged = replaces === undefined ? continued : { ...continued, replaces }
  const sized = expectedBytes === undefined ? exchanged : { ...exchanged, expectedBytes }
  if (further === undefined || further.length === 0) return sized
  if (further.length > mostFurther) throw invalid('need.further', further.length, `at most ${mostFurther}`)
  return { ...sized, further: further.map((each, index) => validPlace(`need.further[${index}]`, each)) }
}

/** Where one copy may go. */
function validPlace(field: string, { storage, volumePool, retentionLevel }: FurtherNeed): FurtherNeed {
  checkOneOf(`${field}.storage.kind`, storage.kind, ['unit', 'group', 'any'])
  if (storage.kind !== 'any') checkName(`${field}.storage.name`, storage.name)
  checkName(`${field}.volumePool`, volumePool)
  checkInteger(`${field}.retentionLevel`, retentionLevel, 0, 100)
  const chosen = storage.kind === 'any' ? { kind: storage.kind } : { kind: storage.kind, name: storage.name }
  return { storage: chosen, volumePool, retentionLevel }
}

type Given<Fields> = { readonly [Field in keyof Fields]?: Exclude<Fields[Field], undefined> }

/** Leaves out what is `undefined`, so that what is stored and sent is plain data. */
function given<Fields extends object>(fields: Fields): Given<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Given<Fields>
}

import type { Allocation, Blocker, MediaNeed, SingleAllocation } from '@nb/contracts'

/** What the reasons of a denial mean for whoever waits. */
export interface BlockedAt {
  /** What may end the wait, as keys: a storage unit, drive, volume, media server, group, a turn, or {@link anything}. */
  readonly wakeKeys: readonly string[]
  /** Storage units where all that blocks ends by what jobs give back: the only ones that are worth keeping for it. */
  readonly keepable: readonly string[]
  /** Those storage units, and the drives and volumes in use there, as keys: whoever is served from them passes. */
  readonly passedAt: ReadonlySet<string>
  /** Whether it is for jobs that share drives. */
  readonly multiplexed: boolean
}

/** The key of a class that waits for any change at all. */
export const anything = '*'
export const unitKey = (name: string): string => `unit:${name}`
export const groupKey = (name: string): string => `group:${name}`
export const turnKey = (jobId: string): string => `turn:${jobId}`

/** Reads the reasons of a denial. */
export function blockedAt(need: MediaNeed, blockers: readonly Blocker[]): BlockedAt {
  const keepable = keepableUnits(blockers)
  const passedAt = new Set(keepable.map(unitKey))
  for (const blocker of blockers)
    if (passedAt.has(unitKey(blocker.storageUnit ?? '')))
      for (const key of thingKeys(blocker)) passedAt.add(key)
  return { wakeKeys: wakeKeys(need, blockers), keepable, passedAt, multiplexed: isMultiplexed(need) }
}

/** Reasons that are the same for everybody: who holds a drive or a place, and what is down. */
const common: ReadonlySet<string> = new Set([
  'storage-unit-limit',
  'storage-unit-down',
  'storage-unit-full',
  'drive',
  'media-server',
  'robot',
])

/** A drive that another job uses, or that is down, whatever volume is wanted. */
const commonDriveReasons: ReadonlySet<number> = new Set([2001, 830])

/**
 * The key of reasons that other needs may be denied for too. While each of these stands, whoever was denied for no other
 * is denied still. Nothing where they may be the need's own: volumes, turns, and all for jobs that share drives.
 */
export function sharedReasons(need: MediaNeed, blockers: readonly Blocker[]): string | undefined {
  if (isMultiplexed(need) || hasFurther(need)) return undefined
  const isCommon = (blocker: Blocker): boolean =>
    common.has(blocker.kind) &&
    (blocker.kind !== 'drive' || commonDriveReasons.has(blocker.reason)) &&
    !isForItsSize(blocker)
  if (blockers.length === 0 || !blockers.every(isCommon)) return undefined
  const where =
    need.kind === 'read' ? 'read' : `write ${need.storage.kind === 'group' ? need.storage.name : ''}`
  const any = need.kind === 'write' && need.storage.kind === 'any' ? anything : ''
  const names = blockers.map(
    ({ kind, name, storageUnit, reason }) => `${kind}:${name}:${storageUnit}:${reason}`,
  )
  return [any, where, ...names.sort()].join('\0')
}

/** Too little room for what this need is expected to write; a smaller one may have it. */
function isForItsSize({ kind, reason, limit }: Blocker): boolean {
  return kind === 'storage-unit-full' && reason === 2030 && limit === undefined
}

/** What several copies together lack, a single one may have. */
function hasFurther(need: MediaNeed): boolean {
  return need.kind === 'write' && need.further !== undefined
}

function isMultiplexed(need: MediaNeed): boolean {
  return need.kind === 'write' && (need.multiplexing ?? 1) > 1
}

/** The keys of allocations on disks: every job on one takes the same. */
const onDisks = new Map<string, { readonly mediaServer: string; readonly keys: readonly string[] }>()
const mostKept = 1000

/** What an allocation takes and gives back, as keys. */
export function takenKeys({ further, ...first }: Allocation): readonly string[] {
  const keys = keysOfOne(first)
  return further === undefined ? keys : [...new Set([...keys, ...further.flatMap(keysOfOne)])]
}

function keysOfOne({ storageUnit, mediaServer, medium }: SingleAllocation): readonly string[] {
  if (medium.kind === 'disk') return diskKeys(storageUnit, mediaServer)
  const { drive, volumeId } = medium
  return [
    unitKey(storageUnit),
    thingKey('media-server', mediaServer),
    thingKey('drive', drive),
    thingKey('volume', volumeId),
  ]
}

function diskKeys(storageUnit: string, mediaServer: string): readonly string[] {
  const known = onDisks.get(storageUnit)
  if (known?.mediaServer === mediaServer) return known.keys
  if (onDisks.size >= mostKept) onDisks.clear()
  const keys = [unitKey(storageUnit), thingKey('media-server', mediaServer)]
  onDisks.set(storageUnit, { mediaServer, keys })
  return keys
}

function wakeKeys(need: MediaNeed, blockers: readonly Blocker[]): readonly string[] {
  const keys = new Set<string>()
  const storages = need.kind === 'read' ? [] : [need, ...(need.further ?? [])].map(({ storage }) => storage)
  for (const { kind, holders } of blockers)
    if (kind === 'turn') for (const { jobId } of holders) keys.add(turnKey(jobId))
  // Whoever may go anywhere wakes with everything, and so needs no other key.
  if (
    storages.some(({ kind }) => kind === 'any') ||
    blockers.some(({ storageUnit }) => storageUnit === undefined)
  )
    return [anything, ...keys]
  for (const blocker of blockers) {
    keys.add(unitKey(blocker.storageUnit ?? ''))
    for (const key of thingKeys(blocker)) keys.add(key)
  }
  for (const storage of storages) if (storage.kind === 'group') keys.add(groupKey(storage.name))
  return [...keys]
}

/** What jobs hold and other storage units may have a share in. */
function thingKeys({ kind, name, holders }: Blocker): readonly string[] {
  const isThing = kind === 'drive' || kind === 'volume' || kind === 'media-server'
  return isThing && holders.length > 0 ? [thingKey(kind, name)] : []
}

const thingKey = (kind: 'drive' | 'volume' | 'media-server', name: string): string => `${kind}:${name}`

/**
 * Of one storage unit all kinds of reasons must give way; drives stand in for one another, and volumes. So jobs end
 * what blocks there when they hold one of the drives, one of the volumes, and everything else.
 */
function keepableUnits(blockers: readonly Blocker[]): readonly string[] {
  const units = new Map<string, Map<string, boolean>>()
  for (const { kind, storageUnit, holders } of blockers) {
    if (storageUnit === undefined) continue
    let kinds = units.get(storageUnit)
    if (kinds === undefined) units.set(storageUnit, (kinds = new Map<string, boolean>()))
    const held = holders.length > 0
    const before = kinds.get(kind)
    const oneIsEnough = kind === 'drive' || kind === 'volume'
    kinds.set(kind, before === undefined ? held : oneIsEnough ? before || held : before && held)
  }
  return [...units].filter(([, kinds]) => [...kinds.values()].every(Boolean)).map(([unit]) => unit)
}

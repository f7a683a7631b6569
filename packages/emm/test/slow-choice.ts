import type {
  Allocation,
  Drive,
  MediaNeed,
  MediaServerEntry,
  Robot,
  StorageUnit,
  Volume,
  VolumePool,
} from '@nb/contracts'

/** All that the lists of a media manager tell. */
export interface Told {
  readonly units: readonly StorageUnit[]
  readonly servers: readonly MediaServerEntry[]
  readonly robots: readonly Robot[]
  readonly pools: readonly VolumePool[]
  readonly volumes: readonly Volume[]
  readonly drives: readonly Drive[]
  readonly allocations: readonly Allocation[]
  /** The need of each allocation, by id. */
  readonly needs: ReadonlyMap<string, MediaNeed>
}

type Write = Extract<MediaNeed, { kind: 'write' }>

/**
 * What a job could get of a storage unit, by looking at everything there is: `group` to join one, the tiers of the volumes for
 * which there is a drive (lower is better), or nothing.
 */
export function slowChoice(told: Told, unitName: string, need: MediaNeed, now: number): Possible {
  const unit = told.units.find(({ name }) => name === unitName)
  if (unit === undefined || unit.state === 'down') return nothing
  const server = told.servers.find(({ name }) => name === unit.mediaServer)
  const onServer = told.allocations.filter(({ mediaServer }) => mediaServer === unit.mediaServer)
  if (server?.state === 'down' || onServer.length >= (server?.maxConcurrentJobs ?? Infinity)) return nothing
  const onUnit = told.allocations.filter(({ storageUnit }) => storageUnit === unit.name)
  if (unit.type === 'disk') return { ...nothing, disk: onUnit.length < unit.maxConcurrentJobs }
  const robotDown = told.robots.some(({ name, state }) => name === unit.robot && state === 'down')
  const isHeld = (field: 'drive' | 'volumeId', name: string): boolean =>
    told.allocations.some(({ medium }) => medium.kind === 'tape' && medium[field] === name)
  const atSite = told.drives.filter(
    ({ mediaServer, density, robot }) =>
      mediaServer === unit.mediaServer && density === unit.density && robot === unit.robot,
  )
  const free = atSite.filter(({ state, name }) => state === 'up' && !isHeld('drive', name))
  const hasDrive = ({ volumeId, density, robot }: Volume): boolean => {
    const loadedIn = told.drives.find(({ loadedVolume }) => loadedVolume === volumeId)
    if (density !== unit.density || isHeld('volumeId', volumeId)) return false
    if (loadedIn !== undefined) return free.includes(loadedIn)
    return robot === unit.robot && !robotDown && free.length > 0
  }
  /** Whether one more may read a volume with those who do. */
  const isRead = ({ volumeId, density }: Volume): boolean => {
    const holders = told.allocations.filter(
      ({ medium }) => medium.kind === 'tape' && medium.volumeId === volumeId,
    )
    const drives = holders.map(({ medium }) => (medium.kind === 'tape' ? medium.drive : ''))
    return (
      density === unit.density &&
      holders.length > 0 &&
      holders.length < 32 &&
      holders.every(({ purpose, storageUnit }) => purpose === 'read' && storageUnit === unit.name) &&
      atSite.some(({ name, state }) => state === 'up' && drives.includes(name))
    )
  }
  if (need.kind === 'read')
    return {
      ...nothing,
      tiers: told.volumes
        .filter((one) => one.volumeId === need.volumeId && (hasDrive(one) || isRead(one)))
        .map((one) => [one.volumeId, 0]),
    }
  const group = joinable(told, unit.maxStreamsPerDrive ?? 1, unit.name, need, now)
  const writing = onUnit.filter(({ purpose }) => purpose === 'write')
  const drives = new Set(writing.map(({ medium }) => (medium.kind === 'tape' ? medium.drive : '')))
  if (drives.size >= unit.maxConcurrentDrives) return { ...nothing, group }
  const tiers = told.volumes.flatMap((volume): [string, number][] => {
    const tier = tierOf(told, volume, need, now)
    return tier !== undefined && hasDrive(volume) ? [[volume.volumeId, tier]] : []
  })
  return { ...nothing, group, tiers }
}

/** What {@link slowChoice} found. */
export interface Possible {
  readonly disk: boolean
  readonly group: boolean
  readonly tiers: readonly (readonly [string, number])[]
}

const nothing: Possible = { disk: false, group: false, tiers: [] }

function joinable(told: Told, streams: number, unit: string, need: Write, now: number): boolean {
  if (need.continues === true) return false
  const groups = new Map<string, Allocation[]>()
  for (const allocation of told.allocations) {
    const { medium } = allocation
    if (medium.kind !== 'tape' || medium.multiplex === undefined || allocation.storageUnit !== unit) continue
    groups.set(medium.multiplex.group, [...(groups.get(medium.multiplex.group) ?? []), allocation])
  }
  return [...groups.values()].some((members) => {
    const needs = members.map(({ allocationId }) => told.needs.get(allocationId) as Write)
    const most = Math.min(
      streams,
      need.multiplexing ?? 1,
      ...needs.map(({ multiplexing }) => multiplexing ?? 1),
    )
    const [first] = members
    const medium = first?.medium.kind === 'tape' ? first.medium : undefined
    return (
      members.length < most &&
      needs.every(
        (one) => one.volumePool === need.volumePool && one.retentionLevel === need.retentionLevel,
      ) &&
      told.drives.some(({ name, state }) => name === medium?.drive && state === 'up') &&
      told.volumes.some(
        ({ volumeId, state, expiresAt = Infinity }) =>
          volumeId === medium?.volumeId && state === 'active' && expiresAt > now,
      )
    )
  })
}

function tierOf(told: Told, volume: Volume, need: Write, now: number): number | undefined {
  const {
    state,
    maxMounts = Infinity,
    mounts,
    expiresAt = Infinity,
    assignedAt,
    pool,
    retentionLevel,
  } = volume
  if (state !== 'active' || mounts >= maxMounts || expiresAt <= now) return undefined
  const mounted = told.drives.some(({ loadedVolume }) => loadedVolume === volume.volumeId) ? 0 : 1
  const ours = pool === need.volumePool
  if (assignedAt !== undefined)
    return ours && retentionLevel === need.retentionLevel
      ? (need.continues === true ? 20 : 0) + mounted
      : undefined
  const limit = told.pools.find(({ name }) => name === need.volumePool)?.maxPartiallyFull ?? Infinity
  const partlyFull = told.volumes.filter(
    (one) =>
      one.pool === need.volumePool &&
      one.state === 'active' &&
      (one.assignedAt !== undefined || isWritten(told, one)),
  )
  if (partlyFull.length >= limit) return undefined
  if (ours) return 10 + mounted
  return told.pools.some(({ name, scratch }) => name === pool && scratch) ? 12 + mounted : undefined
}

const isWritten = ({ allocations }: Told, { volumeId }: Volume): boolean =>
  allocations.some(
    ({ medium, purpose }) => purpose === 'write' && medium.kind === 'tape' && medium.volumeId === volumeId,
  )

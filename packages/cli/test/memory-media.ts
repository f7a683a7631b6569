import {
  type Allocation,
  type Drive,
  type MediaError,
  type MediaManager,
  type MediaServerEntry,
  NbError,
  type Robot,
  type StorageUnit,
  type StorageUnitGroup,
  type Volume,
  type VolumePool,
} from '@nb/contracts'

/** The facts that a media manager in memory begins with; tests may change them. */
export interface MediaFacts {
  readonly units: Map<string, StorageUnit>
  readonly groups: Map<string, StorageUnitGroup>
  readonly servers: Map<string, MediaServerEntry>
  readonly robots: Map<string, Robot>
  readonly pools: Map<string, VolumePool>
  readonly volumes: Map<string, Volume>
  readonly drives: Map<string, Drive>
  readonly images: Map<string, readonly string[]>
  readonly allocations: Allocation[]
  errors: readonly MediaError[]
}

/** A media manager that keeps facts, and sets nothing aside. */
export interface MemoryMedia extends MediaManager {
  readonly facts: MediaFacts
}

export function memoryMedia(): MemoryMedia {
  const facts: MediaFacts = {
    units: new Map(),
    groups: new Map(),
    servers: new Map(),
    robots: new Map(),
    pools: new Map(),
    volumes: new Map(),
    drives: new Map(),
    images: new Map(),
    allocations: [],
    errors: [],
  }
  const notForTheCli = async (): Promise<never> => {
    throw new NbError('not-supported', 'the command line does not call this')
  }
  async function* some<T>(all: ReadonlyMap<string, T>, name: string | undefined): AsyncGenerator<T> {
    for (const [its, one] of all) if (name === undefined || name === its) yield one
  }
  const known = <T>(all: ReadonlyMap<string, T>, what: string, name: string): T => {
    const found = all.get(name)
    if (found === undefined) throw new NbError('not-found', `there is no ${what} ${name}`)
    return found
  }
  const without = <T extends { readonly stateReason?: string }>(
    { stateReason: _before, ...rest }: T,
    reason: string | undefined,
  ): Omit<T, 'stateReason'> & { readonly stateReason?: string } =>
    reason === undefined ? rest : { ...rest, stateReason: reason }
  const ofErrors = ({ volumeId, drive }: { readonly volumeId?: string; readonly drive?: string }) =>
    facts.errors.filter(
      (one) =>
        (volumeId === undefined || one.volumeId === volumeId) && (drive === undefined || one.drive === drive),
    )
  return {
    facts,
    putStorageUnit: async (unit) => void facts.units.set(unit.name, unit),
    removeStorageUnit: notForTheCli,
    setStorageUnitState: async ({ name, state, reason }) => {
      facts.units.set(name, {
        ...without(known(facts.units, 'storage unit', name), reason),
        state,
      } as StorageUnit)
    },
    storageUnits: ({ name }) => some(facts.units, name),
    putMediaServer: async (server) => void facts.servers.set(server.name, server),
    mediaServers: ({ name }) => some(facts.servers, name),
    reportLoad: notForTheCli,
    reportSpace: notForTheCli,
    putRobot: async (robot) => void facts.robots.set(robot.name, robot),
    robots: ({ name }) => some(facts.robots, name),
    putGroup: async (group) => {
      for (const member of group.members)
        if (!facts.units.has(member))
          throw new NbError('storage-unit-unknown', `there is no storage unit ${member}`)
      facts.groups.set(group.name, group)
    },
    removeGroup: async ({ name }) => {
      if (!facts.groups.delete(name)) throw new NbError('storage-group-unknown', `there is no group ${name}`)
    },
    groups: ({ name }) => some(facts.groups, name),
    putPool: async (pool) => void facts.pools.set(pool.name, pool),
    pools: ({ name }) => some(facts.pools, name),
    putVolume: async (volume) => void facts.volumes.set(volume.volumeId, volume),
    async *volumes({ volumeId, pool }) {
      for await (const volume of some(facts.volumes, volumeId))
        if (pool === undefined || volume.pool === pool) yield volume
    },
    setVolumeState: async ({ volumeId, state, reason }) => {
      const volume = known(facts.volumes, 'volume', volumeId)
      if (state === 'suspended' && volume.assignedAt === undefined)
        throw new NbError('state-conflict', `volume ${volumeId} has no images: it can't be suspended`)
      facts.volumes.set(volumeId, { ...without(volume, reason), state })
    },
    assignImage: notForTheCli,
    unassignImage: notForTheCli,
    async *volumeImages({ volumeId }) {
      known(facts.volumes, 'volume', volumeId)
      yield* facts.images.get(volumeId) ?? []
    },
    recordMount: notForTheCli,
    recordUnmount: notForTheCli,
    recordPlace: notForTheCli,
    recordLabel: notForTheCli,
    recordVolumeFiles: notForTheCli,
    setDriveState: async ({ name, state, reason }) => {
      facts.drives.set(name, { ...without(known(facts.drives, 'drive', name), reason), state })
    },
    recordDriveUse: notForTheCli,
    recordCleaning: async ({ drive }) => {
      facts.drives.set(drive, { ...known(facts.drives, 'drive', drive), mountMsSinceCleaning: 0 })
    },
    reportError: notForTheCli,
    async *mediaErrors(which) {
      yield* ofErrors(which)
    },
    forgetErrors: async (which) => {
      const gone = new Set(ofErrors(which))
      facts.errors = facts.errors.filter((one) => !gone.has(one))
    },
    putDrive: async (drive) => void facts.drives.set(drive.name, drive),
    drives: ({ name }) => some(facts.drives, name),
    allocate: notForTheCli,
    blockers: notForTheCli,
    release: notForTheCli,
    async *allocations() {
      yield* facts.allocations
    },
    async *watch() {},
  }
}

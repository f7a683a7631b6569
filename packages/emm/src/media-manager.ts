import {
  type AllocationRequest,
  type AllocationResult,
  type CallOptions,
  type Clock,
  createEmitter,
  debugLogger,
  type JobLog,
  type Lifecycle,
  type Logger,
  type MediaManager,
  type MediaManagerEvents,
  type Observable,
  type Store,
  throwIfAborted,
} from '@nb/contracts'
import { allocationChanges, findAllocation, validRequest } from './allocation.ts'
import * as configuration from './configuration.ts'
import { decideAllocation } from './decide-allocation.ts'
import { favourOf } from './favour.ts'
import type { Inventory } from './inventory.ts'
import { jobLines } from './job-lines.ts'
import { Ledger } from './ledger.ts'
import { validNeed } from './valid-configuration.ts'

/** What a media manager works with. */
export interface MediaManagerComponents {
  /** Keeps everything configured and allocated. The manager opens sublevels of it. */
  readonly store: Store
  readonly clock: Clock
  /** Takes the lines that allocations leave in the logs of jobs. @default no lines */
  readonly log?: JobLog
  /** @default debugLogger('nb:emm:media-manager') */
  readonly logger?: Logger
}

/** How a media manager behaves. */
export interface MediaManagerOptions {
  /** The volume pools made in an empty store. @default ['NetBackup', 'DataStore', 'CatalogBackup'] */
  readonly pools?: readonly string[]
}

const predefinedPools = ['NetBackup', 'DataStore', 'CatalogBackup']

/**
 * Makes a media manager. Its state in memory is read from the store at `start` and changes only after the store
 * has taken the change (`sync`); changes run one after the other, so an allocation is all or nothing and nothing
 * is given twice. What is chosen is decided by pure functions over the inventory.
 */
export function createMediaManager(
  components: MediaManagerComponents,
  options: MediaManagerOptions = {},
): MediaManager & Required<Lifecycle> & Observable<MediaManagerEvents> {
  const { clock, logger = debugLogger('nb:emm:media-manager') } = components
  const ledger = new Ledger(components.store)
  const events = createEmitter<MediaManagerEvents>(logger)
  const lines = jobLines(components.log, logger)
  const { on, once, off } = events

  const firstPools = (inventory: Inventory) =>
    inventory.pools.size > 0
      ? []
      : (options.pools ?? predefinedPools).flatMap((name) =>
          configuration.putPool(inventory, { name, scratch: false }),
        )
  return {
    start: () => ledger.start(firstPools),
    stop: () => ledger.stop(),
    on,
    once,
    off,
    ...configurationMethods(ledger, (state) => events.emit('storage-unit:state', state)),
    ...listMethods(ledger),

    allocate: async (input, callOptions) => {
      const request = validRequest(input)
      return ledger.alone(callOptions, () => allocate(request))
    },
    blockers: async ({ need, turns }, callOptions) => {
      throwIfAborted(callOptions)
      const decision = decideAllocation(ledger.inventory, validNeed(need), turns)
      return 'denial' in decision ? decision.denial : { possible: true, blockers: [] }
    },
    release: ({ allocationId }, callOptions) => ledger.alone(callOptions, () => release(allocationId)),
    watch: (_input, callOptions) => ledger.watch(callOptions),
  }

  async function allocate(request: AllocationRequest): Promise<AllocationResult> {
    const known = findAllocation(ledger.inventory, request)
    if (known !== undefined) return { granted: true, allocation: known }
    const decision = decideAllocation(ledger.inventory, request.need, request.turns)
    if ('denial' in decision) return { granted: false, ...decision.denial }
    const favour = favourOf(ledger.inventory, decision.choice.medium)
    const { held, batch } = allocationChanges(ledger.inventory, request, decision.choice, clock.now())
    await ledger.commit(batch)
    lines.allocated(held, clock.now())
    events.emit('allocation:made', { allocation: held.allocation })
    return { granted: true, allocation: held.allocation, ...(favour === undefined ? {} : { favour }) }
  }

  async function release(allocationId: string): Promise<void> {
    const held = ledger.inventory.allocations.get(allocationId)
    if (held === undefined) return
    await ledger.commit([{ table: 'allocations', key: allocationId, value: undefined }])
    lines.released(held, clock.now())
    events.emit('allocation:released', { allocationId, jobId: held.allocation.jobId })
  }
}

type ConfigurationMethods = Pick<
  MediaManager,
  | 'putStorageUnit'
  | 'removeStorageUnit'
  | 'setStorageUnitState'
  | 'putGroup'
  | 'removeGroup'
  | 'putPool'
  | 'putVolume'
  | 'putDrive'
>

function configurationMethods(
  ledger: Ledger,
  tellState: (state: MediaManagerEvents['storage-unit:state']) => void,
): ConfigurationMethods {
  /** Commits what changes a storage unit, and tells when that brings it up or down. */
  const changeUnit = async (
    name: string,
    callOptions: CallOptions | undefined,
    decide: Parameters<Ledger['change']>[1],
  ): Promise<void> => {
    let before: string | undefined
    await ledger.change(callOptions, (inventory) => {
      before = inventory.units.get(name)?.state
      return decide(inventory)
    })
    const after = ledger.inventory.units.get(name)
    if (after === undefined || after.state === before || before === undefined) return
    const reason = after.stateReason === undefined ? {} : { reason: after.stateReason }
    tellState({ name, state: after.state, ...reason })
  }
  return {
    putStorageUnit: (input, callOptions) =>
      changeUnit(input.name, callOptions, (inventory) => configuration.putUnit(inventory, input)),
    removeStorageUnit: ({ name }, callOptions) =>
      ledger.change(callOptions, (inventory) => configuration.removeUnit(inventory, name)),
    setStorageUnitState: (input, callOptions) =>
      changeUnit(input.name, callOptions, (inventory) => configuration.setUnitState(inventory, input)),
    putGroup: (input, callOptions) =>
      ledger.change(callOptions, (inventory) => configuration.putGroup(inventory, input)),
    removeGroup: ({ name }, callOptions) =>
      ledger.change(callOptions, (inventory) => configuration.removeGroup(inventory, name)),
    putPool: (input, callOptions) =>
      ledger.change(callOptions, (inventory) => configuration.putPool(inventory, input)),
    putVolume: (input, callOptions) =>
      ledger.change(callOptions, (inventory) => configuration.putVolume(inventory, input)),
    putDrive: (input, callOptions) =>
      ledger.change(callOptions, (inventory) => configuration.putDrive(inventory, input)),
  }
}

type ListMethods = Pick<
  MediaManager,
  'storageUnits' | 'groups' | 'pools' | 'volumes' | 'drives' | 'allocations'
>

/** Lists are sorted by name and show what there was when the iteration began. */
function listMethods(ledger: Ledger): ListMethods {
  async function* list<Entry, Shown>(
    callOptions: CallOptions | undefined,
    table: (inventory: Inventory) => ReadonlyMap<string, Entry>,
    show: (entry: Entry, key: string) => Shown | undefined,
  ): AsyncGenerator<Shown> {
    for (const [key, entry] of [...table(ledger.inventory)].sort(([a], [b]) => (a < b ? -1 : 1))) {
      throwIfAborted(callOptions)
      const shown = show(entry, key)
      if (shown !== undefined) yield shown
    }
  }
  const named =
    (name: string | undefined) =>
    <Entry>(entry: Entry, key: string): Entry | undefined =>
      name === undefined || key === name ? entry : undefined
  return {
    storageUnits: ({ name }, callOptions) => list(callOptions, ({ units }) => units, named(name)),
    groups: ({ name }, callOptions) => list(callOptions, ({ groups }) => groups, named(name)),
    pools: ({ name }, callOptions) => list(callOptions, ({ pools }) => pools, named(name)),
    drives: ({ name }, callOptions) => list(callOptions, ({ drives }) => drives, named(name)),
    volumes: ({ volumeId, pool }, callOptions) =>
      list(
        callOptions,
        ({ volumes }) => volumes,
        (volume, key) =>
          pool === undefined || volume.pool === pool ? named(volumeId)(volume, key) : undefined,
      ),
    allocations: ({ jobId }, callOptions) =>
      list(
        callOptions,
        ({ allocations }) => allocations,
        ({ allocation }) => (jobId === undefined || allocation.jobId === jobId ? allocation : undefined),
      ),
  }
}

import {
  type AllocationRequest,
  type AllocationResult,
  type Clock,
  createEmitter,
  debugLogger,
  type JobLog,
  type Lifecycle,
  type Logger,
  type MediaManager,
  type MediaManagerEvents,
  type MediaNeed,
  type Observable,
  type Store,
  throwIfAborted,
  type Turn,
} from '@nb/contracts'
import { allocationChanges, findAllocation, validRequest } from './allocation.ts'
import { configurationMethods } from './configuration-methods.ts'
import * as configuration from './configuration.ts'
import { decideCopies } from './decide-copies.ts'
import { decideAllocation, type Decision } from './decide-allocation.ts'
import { decideExchange, type ExchangeRequest, isExchange } from './decide-exchange.ts'
import { favourOf } from './favour.ts'
import type { Change, Inventory } from './inventory.ts'
import { jobLines } from './job-lines.ts'
import { Ledger } from './ledger.ts'
import { listMethods } from './list-methods.ts'
import { mediaMethods } from './media-methods.ts'
import { type MediaManagerOptions, validOptions } from './options.ts'
import type { Rules } from './rules.ts'
import { tellEvents } from './tell-events.ts'
import { validNeed } from './valid-configuration.ts'
import { expireTooOld, givenBack } from './volume-life.ts'

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

type Granted = Extract<AllocationResult, { readonly granted: true }>

/**
 * Makes a media manager. Its state in memory is read from the store at `start` and changes only after the store
 * has taken the change (`sync`); changes run one after the other, so an allocation is all or nothing and nothing
 * is given twice. What is chosen is decided by pure functions over the inventory.
 *
 * Throws `argument-invalid` for an option that can't be.
 */
export function createMediaManager(
  components: MediaManagerComponents,
  options: MediaManagerOptions = {},
): MediaManager & Required<Lifecycle> & Observable<MediaManagerEvents> {
  const { clock, logger = debugLogger('nb:emm:media-manager') } = components
  const chosen = validOptions(options)
  const events = createEmitter<MediaManagerEvents>(logger)
  const { emit } = events
  const ledger = new Ledger(components.store, (change, before) => tellEvents(emit, change, before))
  const lines = jobLines(components.log, logger)
  const { on, once, off } = events

  const firstPools = (inventory: Inventory) =>
    inventory.pools.size > 0
      ? []
      : chosen.pools.flatMap((name) => configuration.putPool(inventory, { name, scratch: false }))
  const rules = (): Rules => ({
    now: clock.now(),
    allowMultipleRetentions: chosen.allowMultipleRetentions,
    loadMaxAgeMs: chosen.loadMaxAgeMs,
    spaceMaxAgeMs: chosen.spaceMaxAgeMs,
  })
  return {
    start: () => ledger.start(firstPools),
    stop: () => ledger.stop(),
    on,
    once,
    off,
    ...configurationMethods(ledger, clock, (event) => events.emit('storage-unit:high-water', event)),
    ...mediaMethods(ledger, clock, chosen, (error) => events.emit('media:error', error)),
    ...listMethods(ledger),

    allocate: (input, callOptions) => {
      try {
        const request = validRequest(input)
        return ledger.alone(callOptions, () => allocate(request))
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)))
      }
    },
    blockers: async ({ need, turns }, callOptions) => {
      throwIfAborted(callOptions)
      const decision = decide(validNeed(need), turns)
      return 'denial' in decision ? decision.denial : { possible: true, blockers: [] }
    },
    release: ({ allocationId }, callOptions) => ledger.alone(callOptions, () => release(allocationId)),
    watch: (_input, callOptions) => ledger.watch(callOptions),
  }

  async function allocate(request: AllocationRequest): Promise<AllocationResult> {
    const { inventory } = ledger
    const known = findAllocation(inventory, request)
    if (known !== undefined) return { granted: true, allocation: known }
    if (inventory.writable.isAnyTooOld(clock.now())) await ledger.commit(expireTooOld(inventory, clock.now()))
    if (isExchange(request)) return exchange(request)
    if (request.need.kind === 'write' && request.need.further !== undefined)
      return allocateCopies({ ...request, need: request.need })
    const decision = decideAllocation(inventory, request.need, rules(), request.turns)
    if ('denial' in decision) {
      const { possible, blockers } = decision.denial
      return { granted: false, possible, blockers }
    }
    const favour = favourOf(inventory, decision.choice.medium)
    const { held, batch } = allocationChanges(inventory, request, decision.choice, clock.now())
    await ledger.commit(batch)
    lines.allocated(held, clock.now())
    const { allocation } = held
    const granted: Granted =
      favour === undefined ? { granted: true, allocation } : { granted: true, allocation, favour }
    return request.othersWait === true ? withNext(granted, request) : granted
  }

  /** The next volume of an image: what its job had before ends with it, in one write. */
  async function exchange(request: ExchangeRequest): Promise<AllocationResult> {
    const decision = decideExchange(ledger.inventory, request, rules(), chosen.whenNoNextVolume)
    if ('denial' in decision) return { granted: false, ...decision.denial }
    const { held, ended, batch } = decision
    await ledger.commit(batch)
    lines.released(ended, clock.now())
    lines.allocated(held, clock.now())
    return { granted: true, allocation: held.allocation }
  }

  /** What would be given now, setting nothing aside. */
  function decide(
    need: MediaNeed,
    turns: readonly Turn[] = [],
  ): Decision | ReturnType<typeof decideCopies> | ReturnType<typeof decideExchange> {
    const { inventory } = ledger
    if (need.kind === 'write' && need.replaces !== undefined) {
      const { replaces } = need
      const jobId = inventory.allocations.get(replaces)?.allocation.jobId ?? 'asked'
      const asked = { allocationId: 'asked', jobId, need: { ...need, replaces } }
      return decideExchange(inventory, asked, rules(), chosen.whenNoNextVolume)
    }
    if (need.kind === 'read' || need.further === undefined)
      return decideAllocation(inventory, need, rules(), turns)
    return decideCopies(inventory, { allocationId: 'asked', jobId: 'asked', need, turns }, rules())
  }

  /** All copies get what they need, or none. */
  async function allocateCopies(request: Parameters<typeof decideCopies>[1]): Promise<AllocationResult> {
    const decision = decideCopies(ledger.inventory, request, rules())
    if ('denial' in decision) return { granted: false, ...decision.denial }
    const { first, all, batch } = decision
    await ledger.commit(batch)
    for (const held of all) lines.allocated(held, clock.now())
    return { granted: true, allocation: first.allocation }
  }

  /** A grant with what others would be told now who want the same. */
  function withNext(granted: Granted, { need, turns }: AllocationRequest): Granted {
    const decision = decide(need, turns)
    return 'denial' in decision && decision.denial.possible
      ? { ...granted, othersBlockedBy: decision.denial.blockers }
      : granted
  }

  async function release(allocationId: string): Promise<void> {
    const { inventory } = ledger
    const held = inventory.allocations.get(allocationId)
    if (held === undefined) return
    const all = [held.allocation, ...(held.allocation.further ?? [])].filter((each) =>
      inventory.allocations.has(each.allocationId),
    )
    const gone = all.flatMap((each): readonly Change[] => {
      const { medium } = each
      const last = medium.kind === 'tape' && inventory.holds.onVolume(medium.volumeId).size === 1
      const change: Change = { table: 'allocations', key: each.allocationId, value: undefined }
      return last ? [change, ...givenBack(inventory, medium.volumeId)] : [change]
    })
    await ledger.commit(gone)
    for (const each of all)
      lines.released(each === held.allocation ? held : { ...held, allocation: each }, clock.now())
  }
}

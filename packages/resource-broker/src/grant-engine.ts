import {
  type Allocation,
  type AllocationRequest,
  type AllocationResult,
  asNbError,
  type Blocker,
  type Clock,
  type Emitter,
  type Logger,
  type MediaManager,
  NbError,
  SerialQueue,
  type ReconcileReport,
  type ResourceBrokerEvents,
  type ResourceChange,
} from '@nb/contracts'
import type { JobLines, ReleaseReason } from './job-lines.ts'
import { grantOf, type Lease, LeaseBook } from './lease-book.ts'
import type { LeaseRecord, LeaseStore } from './lease-store.ts'
import { countedOf, limitBlockers } from './limits.ts'
import type { Ranked } from './order.ts'
import { differences } from './reconcile.ts'
import { impossible, notRunning } from './refusals.ts'
import { ExchangeDesk } from './exchange-desk.ts'
import { replacedBy, takenPlaces } from './exchange.ts'
import { allocationIdOf, flowOf } from './request.ts'
import { becauseOf, type Favour } from './sentence.ts'
import { type Passing, Turns } from './turns.ts'
import type { Waiter } from './waiter.ts'
import { WaitingRoom } from './waiting-room.ts'

type Granted = Extract<AllocationResult, { readonly granted: true }>
type Draft<Record> = { -readonly [Field in keyof Record]: Record[Field] }

/** What the engine works with. */
export interface GrantEngineComponents {
  readonly media: MediaManager
  readonly leases: LeaseStore
  readonly clock: Clock
  readonly lines: JobLines
  readonly events: Emitter<ResourceBrokerEvents>
  readonly logger: Logger
}

/**
 * Grants and takes back, one thing at a time.
 *
 * A grant: the media manager allocates (durably, under an id derived from the request), then the lease is written
 * (durably), then the caller is told. A release: the media manager releases, then the lease is removed. So a crash
 * leaves at the worst an allocation without a lease or a lease without an allocation, and {@link reconcile}, which
 * every start runs, takes both back; nobody had been told of the one, and the holder of the other gave it up.
 */
export class GrantEngine {
  readonly room: WaitingRoom
  readonly book: LeaseBook
  readonly turns: Turns
  /** When images go on at the ends of volumes. */
  readonly exchanges: ExchangeDesk
  readonly #parts: GrantEngineComponents
  readonly #serial: SerialQueue = new SerialQueue()
  /** Allocations that a failed call may have left behind. */
  readonly #uncertain: Set<string> = new Set()
  /** What changed while the media manager was being asked; its answer may be older. */
  #missed: (ResourceChange | 'anything')[] = []
  #running = false
  #pumping = false
  readonly #serve = (): Promise<void> => this.#serveNext()
  readonly #brokeOff = (error: unknown): void =>
    this.#parts.logger.error('serving requests broke off: %o', error)

  constructor(parts: GrantEngineComponents, leaseMs: number, maxPassedBy: number) {
    this.#parts = parts
    this.book = new LeaseBook(parts.clock, leaseMs, (lease) => this.#expired(lease))
    this.room = new WaitingRoom((waiter) => this.#ended(waiter))
    this.turns = new Turns(this.room.index, this.book.usage, maxPassedBy)
    const { room, book } = this
    this.exchanges = new ExchangeDesk({
      ...parts,
      room,
      book,
      beginAsking: (waiter) => this.#beginAsking(waiter),
      goOnWaiting: (waiter, blockers) => this.#goOnWaiting(waiter, blockers, undefined),
    })
  }

  /** Takes up the leases from before and makes them and the media manager agree. */
  async start(): Promise<void> {
    for (const record of await this.#parts.leases.load()) this.book.add(record, countedOf(record.request, {}))
    try {
      await this.reconcile(true)
    } catch (error) {
      this.book.stop()
      throw error
    }
    this.#running = true
  }

  /** Ends all waits with `manager-stopping`; what is under way is brought to its end. Leases stay. */
  async stop(): Promise<void> {
    this.#running = false
    this.book.stop()
    const stopping = new NbError('manager-stopping', 'the resource broker is stopping; ask again later')
    this.room.failAll(stopping)
    await this.#serial.settled()
    // Those whom the media manager was being asked for, and who were denied.
    this.room.failAll(stopping)
  }

  /** Throws `manager-stopping` while not running. */
  requireRunning(): void {
    if (!this.#running) throw notRunning()
  }

  /** Serves whoever can be served. */
  pump(): void {
    if (!this.#running || this.#pumping) return
    if (this.#next() === undefined) {
      this.#announce()
      return
    }
    this.#pumping = true
    this.#serveAll().catch(this.#brokeOff)
  }

  /** Resolves when what is under way, and who is to be served next, is done with. */
  turn(): Promise<void> {
    return this.#serial.settled()
  }

  /** What the media manager tells. */
  changed(change: ResourceChange): void {
    this.#missed.push(change)
    this.room.index.wake(change)
    this.pump()
  }

  /** Gives the waiting requests of a job another priority, and their new place at once. */
  setPriority(jobId: string, priority: number): void {
    for (const waiter of this.room.ofJob(jobId)) {
      if (waiter.priority === priority) continue
      this.#parts.lines.priority(waiter.request, priority, this.#parts.clock.now())
      this.room.setPriority(waiter, priority)
      // Whoever kept its turn may outrank it now.
      if (this.turns.has(waiter)) this.room.index.wakeTurn(jobId)
    }
    this.pump()
  }

  /** Looks at everybody again, for what nobody told of. */
  reevaluate(): void {
    this.#missed.push('anything')
    this.room.index.wakeAll()
    this.#retryUncertain()
    this.pump()
  }

  /** Gives a lease back. A second call joins the first. */
  release(lease: Lease, reason: ReleaseReason): Promise<void> {
    if (lease.ending !== undefined) return lease.ending
    return this.#whileEnding(
      lease,
      this.#serial.run(() => this.#end(lease, reason)),
    )
  }

  /** Compares with the media manager; with `repair`, takes back what only one side knows. */
  async reconcile(repair: boolean): Promise<ReconcileReport> {
    return this.#serial.run(async () => {
      const allocations: Allocation[] = []
      for await (const allocation of this.#parts.media.allocations({})) allocations.push(allocation)
      const taken = takenPlaces(this.book.values(), allocations)
      if (repair) for (const { lease, allocation } of taken) await this.exchanges.takePlace(lease, allocation)
      const found = differences(this.book.values(), allocations, taken)
      if (repair) {
        for (const { allocationId } of found.orphanedAllocations)
          await this.#parts.media.release({ allocationId })
        for (const lease of found.orphanedLeases)
          await this.#whileEnding(lease, this.#end(lease, 'reconciled'))
      }
      const { orphanedAllocations, orphanedLeases } = found
      return { orphanedAllocations, orphanedLeases: orphanedLeases.map(grantOf), repaired: repair }
    })
  }

  async #serveAll(): Promise<void> {
    try {
      while (this.#running && this.#next() !== undefined) await this.#serial.run(this.#serve)
    } finally {
      // In the same turn as the last look, so that no call to pump falls between.
      this.#pumping = false
    }
    this.#announce()
  }

  /** The next to be asked for. */
  #next(): Waiter | undefined {
    this.turns.refresh()
    return this.room.index.next(this.book.usage)
  }

  async #serveNext(): Promise<void> {
    const waiter = this.#next()
    if (waiter === undefined) return
    const replaces = replacedBy(waiter.request)
    if (replaces !== undefined) return this.exchanges.serve(waiter, replaces)
    try {
      const question = this.#beginAsking(waiter)
      // Its rank may change meanwhile; the answer is for the rank that it has now.
      const below = this.turns.lowestAgainst(waiter)
      const answer = await this.#parts.media.allocate(question)
      if (answer.granted) await this.#grant(waiter, answer, below)
      else if (answer.possible) this.#goOnWaiting(waiter, answer.blockers, below)
      else this.room.fail(waiter, impossible(waiter.request, answer.blockers))
    } catch (error) {
      await this.#giveUp(allocationIdOf(waiter.request.requestId))
      this.room.fail(waiter, asNbError(error))
    }
  }

  #beginAsking(waiter: Waiter): AllocationRequest {
    const { clock, lines } = this.#parts
    const { request } = waiter
    this.room.beginAsking(waiter)
    this.#missed = []
    if (!waiter.requested) lines.requesting(request, clock.now())
    waiter.requested = true
    const { requestId, jobId, need } = request
    const question: Draft<AllocationRequest> = { allocationId: allocationIdOf(requestId), jobId, need }
    const flow = flowOf(request)
    if (flow !== undefined) question.flow = flow
    const turns = this.turns.against(waiter)
    if (turns.length > 0) question.turns = turns
    if (!this.room.index.isAlone(waiter)) question.othersWait = true
    return question
  }

  async #grant(waiter: Waiter, answer: Granted, below: Ranked | undefined): Promise<void> {
    const { leases, clock } = this.#parts
    const { allocation } = answer
    this.#uncertain.delete(allocation.allocationId)
    const leaseId = `lease-${leases.nextNumber()}`
    const record = { leaseId, request: waiter.request, allocation, grantedAt: clock.now() }
    await leases.put(record)
    const lease = this.#enter(record, waiter, answer, below)
    if (waiter.callers !== undefined) {
      this.room.grant(waiter, grantOf(lease))
      return
    }
    // All who asked have left meanwhile. If giving it back fails, the lease ends by the clock.
    await this.#whileEnding(lease, this.#end(lease, 'released')).catch((error: unknown) =>
      this.#parts.logger.error('lease %s, which nobody wants, stays until it expires: %o', leaseId, error),
    )
    this.room.goOnWaiting(waiter)
  }

  /** The lease is durable: it counts, and is told of. */
  #enter(
    record: LeaseRecord,
    waiter: Waiter,
    { allocation, favour, othersBlockedBy }: Granted,
    below: Ranked | undefined,
  ): Lease {
    const { clock, lines, events } = this.#parts
    const { leaseId, request } = record
    if (waiter.callers !== undefined)
      for (const passing of this.turns.passings(waiter, allocation))
        this.#tellPassing(passing, allocation, favour)
    const lease = this.book.add(record, countedOf(request, waiter))
    lines.granted(record, clock.now())
    events.emit('allocation:granted', { leaseId, jobId: request.jobId, allocation })
    if (othersBlockedBy !== undefined) {
      // Those who want the same are of lower rank, and need not ask to be told so.
      this.#close(waiter, othersBlockedBy, below)
      this.#wakeMissed(waiter)
    }
    const { medium, storageUnit } = allocation
    // A new group, which others may join.
    if (medium.kind === 'tape' && medium.multiplex !== undefined && favour !== 'multiplex-group')
      this.room.index.wakeMultiplexed(storageUnit)
    return lease
  }

  #goOnWaiting(waiter: Waiter, blockers: readonly Blocker[], below: Ranked | undefined): void {
    this.room.goOnWaiting(waiter)
    this.#close(waiter, blockers, below)
    if (this.room.takeNewcomer(waiter)) this.#announceOne(waiter)
    this.#wakeMissed(waiter)
  }

  /** Nobody who wants the same is asked for until what blocks it may be gone. */
  #close({ need }: Waiter, blockers: readonly Blocker[], below: Ranked | undefined): void {
    const keepsTurns = blockers.some(({ kind }) => kind === 'turn')
    this.room.index.close(need, blockers, keepsTurns ? below : undefined)
  }

  /** The media manager's answer may be older than what it told meanwhile. */
  #wakeMissed({ need }: Waiter): void {
    const { index } = this.room
    for (const change of this.#missed) {
      if (change === 'anything') index.wakeNeed(need)
      else index.wake(change)
    }
  }

  /** Marks the lease as ending, until that has failed. */
  #whileEnding(lease: Lease, end: Promise<void>): Promise<void> {
    lease.ending = end.catch((error: unknown) => {
      lease.ending = undefined
      throw error
    })
    return lease.ending
  }

  async #end(lease: Lease, reason: ReleaseReason): Promise<void> {
    const { media, leases } = this.#parts
    if (this.book.get(lease.leaseId) !== lease) return
    await media.release({ allocationId: lease.allocation.allocationId })
    for (const allocationId of lease.maybe ?? []) await media.release({ allocationId })
    await leases.remove(lease.leaseId)
    this.#strike(lease, reason)
    this.pump()
  }

  /** The end is durable: others may have what it held. */
  #strike(lease: Lease, reason: ReleaseReason): void {
    const { clock, lines, events } = this.#parts
    const { allocation, leaseId, request, counted } = lease
    this.book.delete(lease)
    this.exchanges.leaseOver(lease)
    // The media manager's watch will tell too, but perhaps only after someone else was served out of order.
    const { index } = this.room
    for (const of of counted) index.unpark(of, this.book.usage)
    index.wakeReleased(allocation)
    lines.released(lease, reason, clock.now())
    events.emit('allocation:released', { leaseId, jobId: request.jobId, reason })
  }

  #expired(lease: Lease): void {
    this.release(lease, 'expired').catch((error: unknown) =>
      this.#parts.logger.error(
        'lease %s has expired but could not be taken back yet: %o',
        lease.leaseId,
        error,
      ),
    )
  }

  /** A call failed, so nobody knows whether it allocated. */
  async #giveUp(allocationId: string): Promise<void> {
    this.#uncertain.add(allocationId)
    try {
      await this.#parts.media.release({ allocationId })
      this.#uncertain.delete(allocationId)
    } catch (error) {
      this.#parts.logger.error('%s may be allocated still; it is released later: %o', allocationId, error)
    }
  }

  #retryUncertain(): void {
    for (const allocationId of this.#uncertain)
      void this.#serial.run(async () => {
        if (this.#uncertain.has(allocationId)) await this.#giveUp(allocationId)
      })
  }

  #tellPassing(passing: Passing, allocation: Allocation, favour: Favour): void {
    const { clock, lines, events } = this.#parts
    const because = becauseOf(passing.blockers, favour)
    const { passed, by } = passing
    events.emit('request:passed-by', {
      requestId: passed.request.requestId,
      jobId: passed.request.jobId,
      byJobId: by.request.jobId,
      because,
      times: passed.passedBy,
    })
    lines.passedBy(passing, allocation, { because, turn: this.turns.has(passed) }, clock.now())
  }

  #ended(waiter: Waiter): void {
    if (!this.turns.has(waiter)) return
    this.turns.delete(waiter)
    // Whoever is being asked for may be denied for this turn.
    this.#missed.push('anything')
    this.pump()
  }

  /** Tells of those who came and have to wait. */
  #announce(): void {
    for (const waiter of this.room.takeNewcomers()) this.#announceOne(waiter)
  }

  #announceOne(waiter: Waiter): void {
    const { clock, lines, events } = this.#parts
    const { request, since, need } = waiter
    const blockers = () => [...limitBlockers(waiter, this.book.usage), ...this.room.index.closedBy(need)]
    events.emit('request:queued', { requestId: request.requestId, jobId: request.jobId })
    lines.waiting(request, since, blockers, clock.now())
  }
}

import {
  type Allocation,
  type MediaNeed,
  NbError,
  type ResourceRequest,
  asNbError,
  isAbortError,
  isMissingVolume,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { HoldAndWait } from './hold-and-wait.ts'
import { closeVolume } from './images-on-volumes.ts'
import type { WorkContext } from './workers.ts'

/** What the media of a work job are got with. */
export type WorkMediaParts = Pick<ManagerParts, 'broker' | 'leases' | 'clock' | 'log' | 'media'>

type WriteNeed = Extract<MediaNeed, { kind: 'write' }>
type ReadNeed = Extract<MediaNeed, { kind: 'read' }>

interface Holding {
  readonly allocation: Allocation
  readonly giveBack: () => Promise<void>
}

/**
 * How long a job that holds one medium waits for another one, milliseconds. Then it gives back what it has, unless it is the first of several
 * that wait so: that one goes on for {@link NEXT_VOLUME_MS}.
 */
export const HOLD_AND_WAIT_MS = 60_000

/** How long a copy that has begun waits for its next volume, milliseconds: its try fails then, and gives back all. */
export const NEXT_VOLUME_MS = 600_000

/**
 * The media that a work job reads and writes, of each at most one at a time: what its need was granted, and what is asked for in the place of
 * that. Whoever waits without an end holds nothing, so no two jobs wait for ever for what the other one holds.
 */
export class WorkMedia {
  readonly #parts: WorkMediaParts
  readonly #context: WorkContext
  readonly #lost = new AbortController()
  readonly #held = new Map<'read' | 'write', Holding>()
  /** Aborts with the job, and when what it holds is lost. */
  readonly signal: AbortSignal
  readonly #others: HoldAndWait
  #requests = 0

  /** @param others - the jobs with which this one shares drives and volumes, where it holds one medium while it waits for another */
  constructor(parts: WorkMediaParts, context: WorkContext, others: HoldAndWait = new HoldAndWait()) {
    this.#others = others
    const { allocation, giveBack, signal } = context
    this.#parts = parts
    this.#context = context
    this.signal = AbortSignal.any([signal, this.#lost.signal])
    if (allocation !== undefined) this.#held.set(allocation.purpose, { allocation, giveBack })
  }

  /** The medium to read: what is held already, or that in its place, which is given back before. */
  async toRead(need: ReadNeed): Promise<Allocation> {
    const held = this.#held.get('read')?.allocation
    if (held !== undefined && isOf(held, need)) return held
    await this.#giveBack('read')
    return this.#acquire(need)
  }

  /**
   * The same for a job that writes at the same time, or can do without: it waits no longer than {@link NEXT_VOLUME_MS}. Rejects with `media-open-failed` then.
   */
  async toReadNext(need: ReadNeed): Promise<Allocation> {
    const held = this.#held.get('read')?.allocation
    if (held !== undefined && isOf(held, need)) return held
    await this.#giveBack('read')
    return (await this.#acquireFor(NEXT_VOLUME_MS, need)) ?? this.#nothingFree(describe(need))
  }

  /**
   * One medium to write and one to read, both at once: while one is held the other is waited for only for a short time. Then the one is
   * given back and the other waited for first, with nothing in hand. Of several that wait so the first keeps what it has for longer: what the others
   * give back comes to it, since they ask anew behind it.
   */
  async both(write: WriteNeed, read: ReadNeed): Promise<{ write: Allocation; read: Allocation }> {
    const needs = { write, read }
    const place = this.#others.nextPlace()
    for (let first: 'read' | 'write' = this.#held.has('write') ? 'write' : 'read'; ;) {
      const second = first === 'read' ? 'write' : 'read'
      if (!this.#held.has(first)) await this.#acquire(needs[first])
      if (!this.#held.has(second)) await this.#others.during(place, this.#acquireBeside(place, needs[second]))
      const held = { write: this.#held.get('write')?.allocation, read: this.#held.get('read')?.allocation }
      if (held.write !== undefined && held.read !== undefined) return { write: held.write, read: held.read }
      await this.#context.say(
        `${describe(needs[second])} is not to be had now: ${describe(needs[first])} is given back until it is`,
      )
      await this.#giveBack(first)
      first = second
    }
  }

  /**
   * The volume that takes the place of the one that is written, which has come to its end with what is noted of it first, by its name. Waits as
   * {@link toReadNext} does. Rejects with `media-end` then.
   */
  async toWriteNext(name: string, need: WriteNeed): Promise<Allocation> {
    const held = this.#held.get('write')
    if (held === undefined) throw new TypeError('nothing is written')
    const { allocationId, storageUnit } = held.allocation
    await closeVolume(this.#parts, { backupId: name }, held.allocation, need.retentionLevel)
    const { further: _none, ...one } = need
    const storage = { kind: 'unit', name: storageUnit } as const
    const next = await this.#acquireFor(
      NEXT_VOLUME_MS,
      { ...one, storage, replaces: allocationId },
      held.giveBack,
    )
    if (next !== undefined) return next
    throw new NbError('media-end', `no volume of pool ${need.volumePool} was free for the copy to go on`, {
      details: { storageUnit, volumePool: need.volumePool },
    })
  }

  /**
   * Does work in which a volume may turn out not to be in its robot, where people have taken it out unseen. It begins anew then, with nothing in hand: a person
   * is asked for the volume, and it is waited for.
   */
  async begunAnew<Result>(work: () => Promise<Result>): Promise<Result> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (!isMissingVolume(error) || this.signal.aborted) throw error
        await this.#context.say(`${error.message} It is requested again`, 'warning')
        await this.#giveBack('read')
        await this.#giveBack('write')
      }
    }
  }

  /** Gives back what was asked for here; the job's own grant goes with the job. Never rejects. */
  async end(): Promise<void> {
    for (const [role, { allocation }] of this.#held)
      if (allocation !== this.#context.allocation) await this.#giveBack(role)
  }

  async #giveBack(role: 'read' | 'write'): Promise<void> {
    const held = this.#held.get(role)
    this.#held.delete(role)
    await held?.giveBack()
  }

  async #acquireFor(
    limitMs: number,
    need: MediaNeed,
    giveBack?: Holding['giveBack'],
  ): Promise<Allocation | undefined> {
    const limit = new AbortController()
    const cancel = this.#parts.clock.setTimer(limitMs, () => limit.abort())
    return this.#acquireUntil(limit, need, giveBack).finally(cancel)
  }

  /** What is wanted while something is held. */
  async #acquireBeside(place: number, need: MediaNeed): Promise<Allocation | undefined> {
    const { clock } = this.#parts
    const limit = new AbortController()
    const endsAt = clock.now() + NEXT_VOLUME_MS
    const look = (): void => {
      if (clock.now() >= endsAt || !this.#others.isFirst(place)) limit.abort()
      else cancel = clock.setTimer(HOLD_AND_WAIT_MS, look)
    }
    let cancel = clock.setTimer(HOLD_AND_WAIT_MS, look)
    return this.#acquireUntil(limit, need).finally(() => cancel())
  }

  async #acquireUntil(
    limit: AbortController,
    need: MediaNeed,
    giveBack?: Holding['giveBack'],
  ): Promise<Allocation | undefined> {
    try {
      return await this.#acquire(need, giveBack, AbortSignal.any([this.signal, limit.signal]))
    } catch (error) {
      const isLate = limit.signal.aborted && !this.signal.aborted
      if (isLate && (isAbortError(error) || asNbError(error).code === 'request-cancelled')) return undefined
      throw error
    }
  }

  /** @param giveBack - of what it takes the place of: it stands on the same lease */
  async #acquire(
    need: MediaNeed,
    giveBack?: Holding['giveBack'],
    signal: AbortSignal = this.signal,
  ): Promise<Allocation> {
    const { broker, leases } = this.#parts
    const { jobId, type, client, policy, attempt, say } = this.#context
    this.#requests += 1
    const request: ResourceRequest = {
      requestId: `job-${jobId}.${attempt}.${need.kind}-${this.#requests}`,
      jobId,
      jobType: type,
      priority: 0,
      client,
      limits: {},
      need,
      ...(policy === undefined ? {} : { policy }),
    }
    await say(`requesting resource: ${describe(need)}`)
    const grant = await broker.acquire(request, { signal })
    const { leaseId, allocation } = grant
    if (giveBack === undefined) leases.keep(grant, (reason) => this.#lost.abort(reason))
    this.#held.set(need.kind, { allocation, giveBack: giveBack ?? (() => this.#release(leaseId)) })
    const { storageUnit, mediaServer, medium } = allocation
    const volume = medium.kind === 'tape' ? `volume ${medium.volumeId} in drive ${medium.drive} of ` : ''
    await say(`granted resource: ${volume}storage unit ${storageUnit} on media server ${mediaServer}`)
    return allocation
  }

  async #release(leaseId: string): Promise<void> {
    const { broker, leases, log } = this.#parts
    leases.letGo(leaseId)
    await broker.release({ leaseId }).catch((error: unknown) => {
      log.error('lease %s of job %s ends by itself: %o', leaseId, this.#context.jobId, error)
    })
  }

  #nothingFree(what: string): never {
    throw new NbError('media-open-failed', `${what} was not to be had within ${NEXT_VOLUME_MS / 1000} s`)
  }
}

function isOf({ storageUnit, medium }: Allocation, need: ReadNeed): boolean {
  if (storageUnit !== need.storageUnit) return false
  return need.volumeId === undefined || (medium.kind === 'tape' && medium.volumeId === need.volumeId)
}

function describe(need: MediaNeed): string {
  if (need.kind === 'read') {
    const volume = need.volumeId === undefined ? '' : `volume ${need.volumeId} of `
    return `${volume}storage unit ${need.storageUnit} to read`
  }
  if (need.replaces !== undefined) return `the next volume of pool ${need.volumePool}`
  const { storage } = need
  return `${storage.kind === 'any' ? 'any storage unit' : `storage ${storage.kind} ${storage.name}`} to write`
}

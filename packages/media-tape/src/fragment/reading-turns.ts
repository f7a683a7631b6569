import { type CallOptions, type Clock, throwIfAborted } from '@nb/contracts'

/** How long the others wait for a reader that asks for nothing, milliseconds. */
export const PATIENCE_MS = 10_000

/** One who reads the payload of a fragment, block by block, for the most part forward. */
export interface ReadingLane {
  /**
   * Has the block at an object read when its turn comes. Rejects with the reason of a signal that aborts before, and with `TypeError` where it's
   * dropped before.
   */
  read<Result>(object: number, run: () => Promise<Result>, options?: CallOptions): Promise<Result>
  /** What waits is not read. */
  drop(): void
  /** Asks for nothing any more. */
  close(): void
}

interface Wanted {
  readonly object: number
  readonly run: () => Promise<void>
  readonly refuse: (reason: Error) => void
}

interface Lane {
  readonly file: number
  waiting: Wanted[]
  /** Object behind the one that was read last. */
  beyond: number
  /** Since when it asks for nothing, or has asked for what waits, milliseconds since the epoch. */
  since: number
  /** The others went on without it. */
  isBehind: boolean
}

/**
 * Whose block is read next, where several read from one volume. Those who read the same tape file, as streams of a multiplexed one are read, go
 * over it together: always the foremost block that anybody wants. So one pass serves all of them, as fast as the slowest takes its blocks, and each has
 * no more than its own few in memory. Whoever comes later is read alone until it has caught up.
 *
 * Others of the file wait for one that asks for nothing for {@link PATIENCE_MS}. Then they go on without it, and it is read
 * when nobody else wants anything. Another file has its turn when none of the readers of this one want anything any more.
 */
export class ReadingTurns {
  readonly #clock: Clock
  readonly #lanes = new Set<Lane>()
  #file: number | undefined
  #isReading = false
  #cancelWait = (): void => undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Somebody begins to read a fragment of a tape file. */
  open(file: number): ReadingLane {
    const lane: Lane = { file, waiting: [], beyond: 0, since: this.#clock.now(), isBehind: false }
    this.#lanes.add(lane)
    return {
      read: (object, run, options) => this.#read(lane, object, run, options),
      drop: () => this.#drop(lane),
      close: () => {
        this.#lanes.delete(lane)
        this.#drop(lane)
      },
    }
  }

  #drop(lane: Lane): void {
    for (const { refuse } of lane.waiting.splice(0)) refuse(new TypeError('it is not wanted any more'))
    this.#goOn()
  }

  async #read<Result>(
    lane: Lane,
    object: number,
    run: () => Promise<Result>,
    options: CallOptions | undefined,
  ): Promise<Result> {
    throwIfAborted(options)
    const signal = options?.signal
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        lane.waiting = lane.waiting.filter((one) => one !== wanted)
        reject(signal?.reason as Error)
        this.#goOn()
      }
      const wanted: Wanted = {
        object,
        run: async () => {
          signal?.removeEventListener('abort', leave)
          await run().then(resolve, reject)
        },
        refuse: (reason) => {
          signal?.removeEventListener('abort', leave)
          reject(reason)
        },
      }
      signal?.addEventListener('abort', leave, { once: true })
      if (lane.waiting.length === 0) lane.since = this.#clock.now()
      lane.waiting.push(wanted)
      this.#goOn()
    })
  }

  #goOn(): void {
    if (this.#isReading) return
    this.#isReading = true
    void this.#serve()
  }

  async #serve(): Promise<void> {
    for (let lane = this.#next(); lane !== undefined; lane = this.#next()) {
      const wanted = lane.waiting.shift() as Wanted
      lane.beyond = wanted.object + 1
      await wanted.run()
      if (lane.waiting.length === 0) lane.since = this.#clock.now()
    }
    this.#isReading = false
  }

  /** Who is read next; nobody, where nothing is wanted or somebody is waited for. */
  #next(): Lane | undefined {
    this.#cancelWait()
    const asking = [...this.#lanes].filter(({ waiting }) => waiting.length > 0)
    if (asking.length === 0) return undefined
    const together = [...this.#lanes].filter(({ file, isBehind }) => file === this.#file && !isBehind)
    const foremost = foremostOf(together)
    const late = together.filter(
      ({ waiting, beyond }) => waiting.length === 0 && beyond <= (objectOf(foremost) ?? Infinity),
    )
    if (late.length > 0) {
      const waitsUntil = Math.min(...late.map(({ since }) => since)) + PATIENCE_MS
      const now = this.#clock.now()
      if (now < waitsUntil) {
        this.#cancelWait = this.#clock.setTimer(waitsUntil - now, () => this.#goOn())
        return undefined
      }
      for (const lane of late) lane.isBehind ||= now >= lane.since + PATIENCE_MS
      return this.#next()
    }
    if (foremost !== undefined) return foremost
    const first = asking.filter(({ isBehind }) => !isBehind).sort(bySince)[0] ?? asking.sort(bySince)[0]
    if (first === undefined) return undefined
    first.isBehind = false
    this.#file = first.file
    return this.#next()
  }
}

const bySince = (one: Lane, other: Lane): number => one.since - other.since

const objectOf = (lane: Lane | undefined): number | undefined => lane?.waiting[0]?.object

/** Of those who want something, the one that wants the foremost block. */
function foremostOf(lanes: readonly Lane[]): Lane | undefined {
  let found: Lane | undefined
  for (const lane of lanes)
    if (lane.waiting.length > 0 && (objectOf(lane) ?? 0) < (objectOf(found) ?? Infinity)) found = lane
  return found
}

import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError } from '@nb/formats'
import { NbError } from '@nb/contracts'
import { numberSetting, seededRandom } from '@nb/test-kit'
import type { Test } from 'tap'
import { watchAllocations } from './allocations.ts'
import { Coverage } from './coverage.ts'
import { below, mutate, oneOf } from './mutate.ts'
import type { Random } from './mutate.ts'
import { Watchdog } from './watchdog.ts'

/** Changes an input in place, or answers with another, so that what lies behind checksums and lengths is reached. */
export type Repair = (input: Buffer, random: Random) => Buffer

/** What is tried with mutated inputs. */
export interface FuzzTarget {
  /** Short, for messages and files. */
  readonly name: string
  /** Valid inputs to begin with. */
  readonly seeds: readonly Buffer[]
  /**
   * Reads an input. Throws what the code throws, and an assertion where the code takes what it must not. What it gives back
   * counts as accepted.
   */
  readonly run: (input: Buffer) => unknown
  /** One is chosen for most inputs. @default none */
  readonly repairs?: readonly Repair[]
  /** See `MutationSources.dictionary`. @default none */
  readonly dictionary?: readonly (string | Buffer)[]
  /** Inputs of an ordinary run. */
  readonly count: number
  /** Inputs of a long run. */
  readonly longCount: number
  /** Longest input, bytes. @default 65536 */
  readonly maxBytes?: number
  /** Most memory that one input may ask for in buffers, bytes. @default 64 MiB */
  readonly maxAllocatedBytes?: number
  /** Most processor time of one input, milliseconds. @default 250 */
  readonly maxCpuMs?: number
  /** Whether a `TypeError` or `RangeError` within a typed error says what is wrong with the input. @default none does */
  readonly isRefusal?: (cause: Error) => boolean
  /** Which sources guide it. @default those of packages */
  readonly covers?: (url: string) => boolean
}

const firstBatch = 32
const laterBatch = 512
const limitMs = 20_000

/**
 * Feeds mutated inputs to a target; each must be taken or refused with a typed error, within its memory and time. In a long run
 * inputs that reach code which none had reached join those that are mutated. `NB_SEED` repeats a run, `NB_LONG=1` makes it a long one,
 * `NB_COUNT` sets the number of inputs.
 */
export async function fuzz(t: Test, target: FuzzTarget): Promise<void> {
  const seed = numberSetting('NB_SEED', 20_260_101)
  const isLong = process.env['NB_LONG'] === '1'
  const count = numberSetting('NB_COUNT', isLong ? target.longCount : target.count)
  const run = new Run(target, seed, isLong || process.env['NB_COUNT'] !== undefined)
  try {
    await run.all(count)
  } finally {
    await run.stop()
  }
  const { accepted, refused, corpus, characters } = run
  const found = `, ${corpus - target.seeds.length} that reached new code; ${characters} characters of it ran`
  const guided = characters === 0 ? '' : found
  t.comment(`${target.name}: ${count} inputs (seed ${seed}), ${accepted} taken${guided}`)
  t.comment(
    `${target.name}: refused with ${[...refused].map(([code, times]) => `${code} ${times}`).join(', ')}`,
  )
  t.ok(
    accepted + [...refused.values()].reduce((sum, times) => sum + times, 0) >= count,
    'each input had its end',
  )
  t.ok(accepted > 0, 'some inputs are valid')
  t.ok(refused.size > 0, 'others are refused')
}

class Run {
  accepted = 0
  readonly refused = new Map<string, number>()
  readonly #target: FuzzTarget
  readonly #random: Random
  readonly #corpus: Buffer[]
  readonly #dictionary: readonly Buffer[]
  readonly #maxBytes: number
  /** Absent in a short run, for which it costs more than it finds. */
  readonly #coverage: Coverage | undefined
  readonly #watchdog: Watchdog
  readonly #seed: number
  #slow: Buffer[] = []

  constructor(target: FuzzTarget, seed: number, isGuided: boolean) {
    this.#target = target
    this.#seed = seed
    this.#random = seededRandom(seed)
    this.#corpus = [...target.seeds]
    this.#dictionary = (target.dictionary ?? []).map((word) => Buffer.from(word as string, 'latin1'))
    this.#maxBytes = target.maxBytes ?? 65_536
    this.#coverage = isGuided ? new Coverage(target.covers ?? isSource) : undefined
    this.#watchdog = new Watchdog(target.name, this.#maxBytes, limitMs)
  }

  get corpus(): number {
    return this.#corpus.length
  }

  get characters(): number {
    return this.#coverage?.characters ?? 0
  }

  async all(count: number): Promise<void> {
    for (const input of this.#corpus) {
      if (input.length > this.#maxBytes) throw new TypeError(`a seed of ${input.length} bytes`)
      await this.#try(input)
    }
    this.#coverage?.look(true)
    for (let done = 0; done < count;) {
      const size = Math.min(count - done, done < 4096 ? firstBatch : laterBatch)
      const batch = Array.from({ length: size }, () => this.#make())
      done += size
      for (const input of batch) await this.#try(input)
      if (this.#coverage?.look(false) === true) await this.#seek(batch, this.#coverage)
    }
  }

  async stop(): Promise<void> {
    this.#coverage?.stop()
    await this.#watchdog.stop()
  }

  #make(): Buffer {
    const random = this.#random
    // The latest have the most to tell, and are few.
    const from = random() < 0.5 ? Math.max(0, this.#corpus.length - 16) : 0
    const base = this.#corpus[from + below(random, this.#corpus.length - from)] ?? Buffer.alloc(0)
    const sources = { random, corpus: this.#corpus, dictionary: this.#dictionary, maxBytes: this.#maxBytes }
    const repair = random() < 0.8 ? oneOf(random, this.#target.repairs ?? []) : undefined
    // A repair makes changes of its own; alone they lead furthest, for all else is as it was.
    const input = repair !== undefined && random() < 0.4 ? Buffer.from(base) : mutate(base, sources)
    return repair === undefined ? input : repair(input, random).subarray(0, this.#maxBytes)
  }

  /** Finds the inputs of a batch that reach something new, by halves. */
  async #seek(batch: readonly Buffer[], coverage: Coverage): Promise<void> {
    coverage.look(false)
    const [only] = batch
    const counts = [this.accepted, new Map(this.refused)] as const
    for (const input of batch) await this.#try(input)
    // What was tried already does not count twice.
    this.accepted = counts[0]
    this.refused.clear()
    for (const [code, times] of counts[1]) this.refused.set(code, times)
    if (batch.length === 1 && only !== undefined) {
      if (coverage.look(true)) this.#corpus.push(only)
      return
    }
    if (!coverage.look(false)) return
    const half = batch.length >> 1
    await this.#seek(batch.slice(0, half), coverage)
    await this.#seek(batch.slice(half), coverage)
  }

  async #try(input: Buffer): Promise<void> {
    const { maxCpuMs = 250, maxAllocatedBytes = 64 * 2 ** 20 } = this.#target
    this.#watchdog.enter(input)
    const allocations = watchAllocations()
    const began = performance.now()
    let fault: string | undefined
    let error: unknown
    try {
      const result = this.#target.run(input)
      if (result instanceof Promise) await result
      this.accepted++
    } catch (caught) {
      error = caught
      const hidden = accidentIn(caught, this.#target.isRefusal)
      if (hidden !== undefined) fault = `an accident in a typed error: ${hidden.stack}`
      else if (caught instanceof FormatError || caught instanceof NbError) this.#refusal(caught.code)
      else fault = `an untyped error: ${caught instanceof Error ? caught.stack : String(caught)}`
    } finally {
      allocations.stop()
    }
    if (allocations.bytes > maxAllocatedBytes) fault ??= `${allocations.bytes} bytes of memory`
    if (performance.now() - began > maxCpuMs && fault === undefined)
      fault = await this.#slowness(input, maxCpuMs)
    if (fault !== undefined) throw this.#failure(input, fault, error)
  }

  /** The machine may have been slow, not the code: tried again, by processor time. */
  async #slowness(input: Buffer, maxCpuMs: number): Promise<string | undefined> {
    let least = Infinity
    for (let time = 0; time < 3; time++) {
      const before = process.cpuUsage()
      try {
        await this.#target.run(input)
      } catch {
        // Its error is known from the first time.
      }
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1000)
    }
    this.#slow.push(input)
    return least > maxCpuMs ? `${Math.round(least)} ms of processor time` : undefined
  }

  #refusal(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
  }

  #failure(input: Buffer, fault: string, cause: unknown): Error {
    const path = join(tmpdir(), `nb-fuzz-${this.#target.name}-${process.pid}.bin`)
    writeFileSync(path, input)
    const text = input.length > 4096 ? '' : `\nbase64: ${input.toString('base64')}`
    return new Error(
      `${this.#target.name}: an input of ${input.length} bytes (seed ${this.#seed}) gave ${fault}\nit is in ${path}${text}`,
      { cause },
    )
  }
}

/** What a typed error must not be made of: an accident of the code that was taken for a fault of the input. */
function accidentIn(error: unknown, isRefusal: (cause: Error) => boolean = () => false): Error | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const isAccident =
      cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError
    if (isAccident && !isRefusal(cause)) return cause
  }
  return undefined
}

function isSource(url: string): boolean {
  return url.includes('/packages/') && url.includes('/src/')
}

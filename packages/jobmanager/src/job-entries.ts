import type { Job, JobLogLine, JobState } from '@nb/contracts'
import type { JobPhase, JobRecord } from './job-record.ts'
import { type LiveFacts, type ShownChild, stateOf, toJob } from './job-view.ts'
import { jobKey } from './store-keys.ts'
import { Told, type ToldChange, stageOf } from './told-change.ts'
import type { JobChange } from './transitions.ts'

/** A job that is not final. */
export class Entry {
  /** Of its record in the store. */
  readonly key: string
  /** To decide by; may be ahead of what is written. */
  current: JobRecord
  /** To show; never ahead of what is written. */
  shown: JobRecord
  /** What is shown of the record beside what it decides by: a record, until more is shown than it tells. */
  live: LiveFacts
  /** How many lines its log has. */
  lines: number
  /** The state that was told last. */
  told: JobState | undefined
  #stage: JobPhase | undefined

  constructor(record: JobRecord, lines: number) {
    this.key = jobKey(record.id)
    this.current = record
    this.shown = record
    this.live = record
    this.lines = lines
  }

  /** Notes what is told of it now. Answers whether it is at another stage than what was told last. */
  movesTo(state: JobState): boolean {
    const stage = stageOf(this.shown)
    if (state === this.told && stage === this.#stage) return false
    this.told = state
    this.#stage = stage
    return true
  }
}

/** A change on its way to the store. */
export interface Step {
  readonly entry: Entry
  readonly current: JobRecord
  readonly kind: JobChange['kind']
  /** The parent that it changes with it, and that parent's record after that. */
  readonly parent: Entry | undefined
  readonly told: JobRecord | undefined
  readonly lines: readonly JobLogLine[]
  /** How many lines there are before them. */
  readonly first: number
}

/** The jobs that are not final, in memory, with what is looked up of them without going through all. */
export class JobEntries {
  readonly #entries = new Map<string, Entry>()
  readonly #children = new Map<string, Set<string>>()
  readonly #registered = new Set<string>()

  get(jobId: string): Entry | undefined {
    return this.#entries.get(jobId)
  }

  set(jobId: string, entry: Entry): void {
    this.#entries.set(jobId, entry)
    const { parentId, phase } = entry.current
    if (phase === 'registered') this.#registered.add(jobId)
    if (parentId === undefined) return
    this.#children.set(parentId, (this.#children.get(parentId) ?? new Set()).add(jobId))
  }

  delete(jobId: string): void {
    const parentId = this.#entries.get(jobId)?.current.parentId
    this.#entries.delete(jobId)
    this.#registered.delete(jobId)
    this.#children.delete(jobId)
    if (parentId !== undefined) this.#children.get(parentId)?.delete(jobId)
  }

  clear(): void {
    for (const kept of [this.#entries, this.#children, this.#registered]) kept.clear()
  }

  /** All, oldest first. */
  *[Symbol.iterator](): IterableIterator<Entry> {
    yield* this.#entries.values()
  }

  /** All as lists show them, newest first, but for those that end meanwhile. */
  *views(): IterableIterator<Job> {
    for (const jobId of [...this.#entries.keys()].sort((a, b) => Number(b) - Number(a))) {
      const entry = this.#entries.get(jobId)
      if (entry !== undefined) yield this.view(entry)
    }
  }

  /** The jobs whose flow is another's. */
  *registered(): IterableIterator<JobRecord> {
    for (const jobId of this.#registered) {
      const record = this.#entries.get(jobId)?.current
      if (record !== undefined) yield record
    }
  }

  /** The parts of a parent that are not final, in order. */
  childrenOf(jobId: string): readonly Entry[] {
    return [...(this.#children.get(jobId) ?? [])].flatMap((id) => this.#entries.get(id) ?? [])
  }

  /** An unfinished job as lists show it. */
  view(entry: Entry): Job {
    return toJob(entry.shown, entry.live, this.#shownChildren(entry))
  }

  /** What is to be told of a job now. */
  change(entry: Entry): ToldChange {
    const state = stateOf(entry.shown, this.#shownChildren(entry))
    const was = entry.told
    return new Told(this, entry, state, was, entry.movesTo(state))
  }

  #shownChildren({ shown }: Entry): readonly ShownChild[] {
    if (shown.children === undefined) return noChildren
    return this.childrenOf(shown.id).map(({ shown: record, live }) => ({ record, live }))
  }
}

const noChildren: readonly ShownChild[] = []

import {
  type Clock,
  type Json,
  type JobLogLine,
  type Logger,
  type NbError,
  type SessionReport,
  asNbError,
} from '@nb/contracts'
import type { JobRecord } from './job-record.ts'
import type { JobStore, KeptJob } from './job-store.ts'
import type { JobChange } from './transitions.ts'

/** What a line may tell beside its text. */
export interface LineFacts {
  readonly step?: { readonly flow: 'backup' | 'restore'; readonly number: number }
  readonly severity?: JobLogLine['severity']
  readonly data?: Readonly<Record<string, Json>>
}

/** The text of a line, or for a longer one what makes it, where lines are kept. */
export type LineText = string | (() => string)

/** Adds one line of the job manager's own to a job's log; a failure is logged and harms nobody. */
export function sayInLog(
  store: JobStore,
  clock: Clock,
  log: Logger,
  jobId: string,
  told: LineText,
  facts?: LineFacts,
): Promise<void> {
  if (!store.keepsLines) return unsaid
  const text = typeof told === 'string' ? told : told()
  const line: JobLogLine = { severity: 'info', ...facts, time: clock.now(), component: 'jobmanager', text }
  return store.append({ jobId, lines: [line] }).catch((error: unknown) => log.error('job log: %o', error))
}

const unsaid = Promise.resolve()

/** A backup job while its flow runs: its record, the news of its session, and the way to end it early. */
export class RunningJob {
  readonly id: string
  readonly #parts: { readonly store: JobStore; readonly clock: Clock; readonly log: Logger }
  readonly #ending = new AbortController()
  #endsWith: NbError | undefined
  /** What waits unless the job ends: no listeners of the signal, since a flow waits at every step. */
  readonly #stops: ((reason: NbError) => void)[] = []
  readonly #kept: KeptJob
  #session: string | undefined
  #heard: SessionReport | undefined
  #onReport: ((report: SessionReport) => void) | undefined
  /**
   * Grants that may be with the broker and not in the record: at first the job's own, whose answer may have been lost before
   * a restart too.
   */
  #unnoted = 1

  constructor(parts: { store: JobStore; clock: Clock; log: Logger }, record: JobRecord) {
    this.#parts = parts
    this.#kept = parts.store.kept(record.id) ?? { current: record }
    this.id = record.id
    this.#session = record.session?.sessionId
  }

  /** Aborts when the job is to end early; its reason is the `NbError` to end with. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  get record(): JobRecord {
    return this.#kept.current
  }

  /** The session of the job, as soon as anyone has named it. */
  get sessionId(): string | undefined {
    return this.record.session?.sessionId ?? this.#session
  }

  /**
   * Whether the session is the job's. A session may speak before the call that started it has answered; while the
   * job knows none, the first to speak is it.
   */
  owns(sessionId: string): boolean {
    const { session, phase } = this.record
    const known = session?.sessionId ?? this.#session
    if (known !== undefined || phase !== 'imaged') return known === sessionId
    this.#session = sessionId
    return true
  }

  /** Makes the job end with this reason; the first one stays. */
  endWith(reason: NbError): void {
    if (this.#endsWith !== undefined) return
    this.#endsWith = reason
    this.#ending.abort(reason)
    for (const stop of [...this.#stops]) stop(reason)
  }

  /** Takes the session's report; the first one stays. */
  hear(report: SessionReport): void {
    this.#heard ??= report
    this.#onReport?.(this.#heard)
  }

  /** Waits for the session's report unless the job is told to end. */
  report(): Promise<SessionReport> {
    if (this.#endsWith !== undefined) return Promise.reject(this.#endsWith)
    if (this.#heard !== undefined) return Promise.resolve(this.#heard)
    return new Promise((resolve, reject) => {
      this.#onReport = resolve
      this.#stops.push(reject)
    })
  }

  /** More resources are about to be asked for: until they are noted, a lost answer may leave a grant with the broker. */
  asksForGrant(): void {
    this.#unnoted += 1
  }

  /** The grant that was asked for is in the record. */
  notedGrant(): void {
    this.#unnoted -= 1
  }

  /** Whether the record names all that was granted. */
  get namesGrants(): boolean {
    return this.#unnoted === 0
  }

  /**
   * Makes a call and waits for it unless the job is told to end: it then rejects with that reason at once, and begins nothing
   * any more. What the call gives after that is handed to `late`, so that nothing it made stays behind.
   */
  unlessEnded<T>(call: () => Promise<T>, late?: (value: T) => void): Promise<T> {
    if (this.#endsWith !== undefined) return Promise.reject(this.#endsWith)
    return new Promise((resolve, reject) => {
      this.#stops.push(reject)
      call().then(
        (value) => {
          this.#waitsNoMore(reject)
          if (this.#endsWith === undefined) resolve(value)
          else late?.(value)
        },
        (error: unknown) => {
          this.#waitsNoMore(reject)
          reject(this.#endsWith ?? asNbError(error))
        },
      )
    })
  }

  #waitsNoMore(stop: (reason: NbError) => void): void {
    const at = this.#stops.lastIndexOf(stop)
    const last = this.#stops.pop()
    if (at < 0 && last !== undefined) this.#stops.push(last)
    else if (at < this.#stops.length && last !== undefined) this.#stops[at] = last
  }

  /** Notes a change; whether the job was told to end meanwhile shows at the next wait. */
  change(change: JobChange): Promise<JobRecord> {
    return this.#parts.store.apply(this.id, change)
  }

  /** The job where its lines are kept: a line that nobody keeps need not be made. */
  get log(): this | undefined {
    return this.#parts.store.keepsLines ? this : undefined
  }

  /** Leaves a line in the job's log, after all lines before it. */
  say(text: LineText, facts?: LineFacts): void {
    const { store, clock, log } = this.#parts
    void sayInLog(store, clock, log, this.id, text, facts)
  }
}

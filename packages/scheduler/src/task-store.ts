import type { JobOrigin, LocalFileSystem, Path, Store } from '@nb/contracts'

/** A stream's part in a run. */
export interface RunPart {
  /** Absent where the policy has one stream for all. */
  readonly stream?: string
  readonly selections?: readonly Path[]
  /** Tries that its job has in all. */
  readonly tries: number
  /** Known once the job manager has answered; the child's, where the job has several parts. */
  readonly jobId?: string
}

/** A run that a task has begun. Times are milliseconds since the epoch. */
export interface TaskRun {
  /** Written, with all that the job is told, before it is asked for: asking again after a crash finds the same job. */
  readonly requestId: string
  readonly schedule: string
  readonly origin: JobOrigin
  readonly why: string
  readonly startedAt: number
  readonly windowClosesAt?: number
  /** The parts that have not ended. */
  readonly parts: readonly RunPart[]
  /** All streams of the client then; absent where there is one for all. */
  readonly streamSet?: readonly string[]
}

/** What a task remembers of a stream. Times are milliseconds since the epoch. */
export interface StreamState {
  /** When the tries since the last success began. */
  readonly failures: readonly number[]
  readonly lastStatus?: number
  /** A person ended its job: nothing starts by itself before. */
  readonly heldUntil?: number
}

/** What a PolicyClient task remembers over restarts. */
export interface TaskRecord {
  readonly policy: string
  readonly client: string
  readonly runs: readonly TaskRun[]
  /** By name; {@link wholeClient} for the one stream of all. */
  readonly streams: Readonly<Record<string, StreamState>>
  /** As the client last told them, for policies that ask it. */
  readonly fileSystems?: readonly LocalFileSystem[]
}

/**
 * The form of the scheduler's store that this version writes. 1 knew no streams of a task; its records are understood as they are read. A
 * store notes its form since 2.
 */
export const presentForm = 2

/** The key of the one stream of a policy without several; streams of several have names that are not empty. */
export const wholeClient = ''

/** Task records at rest. */
export interface TaskStore {
  all(): AsyncIterable<TaskRecord>
  /** Durable when resolved. */
  put(record: TaskRecord): Promise<void>
  remove(policy: string, client: string): Promise<void>
}

const durably: object = { sync: true }

/** Makes a task store on a sublevel of `store`. */
export function createTaskStore(store: Store): TaskStore {
  const level = store.sublevel<string, TaskRecord | WholeRecord>('tasks', { valueEncoding: 'json' })
  return {
    all: async function* () {
      for await (const record of level.values()) yield withStreams(record)
    },
    put: (record) => level.put(taskKey(record.policy, record.client), record, durably),
    remove: (policy, client) => level.del(taskKey(policy, client), durably),
  }
}

/** A record of before tasks had streams: its tries are those of the whole client, a run is its own only part. */
interface WholeRecord extends Omit<TaskRecord, 'runs' | 'streams'> {
  readonly runs: readonly (Omit<TaskRun, 'parts' | 'why'> & { readonly jobId?: string })[]
  readonly failures: readonly number[]
  readonly lastStatus?: number
}

function withStreams(record: TaskRecord | WholeRecord): TaskRecord {
  if ('streams' in record) return record
  const { policy, client, failures, lastStatus } = record
  const state = { failures, ...(lastStatus === undefined ? {} : { lastStatus }) }
  const runs = record.runs.map(({ jobId, ...run }) => {
    const part = { tries: 1, ...(jobId === undefined ? {} : { jobId }) }
    return { ...run, why: 'asked for before a restart', parts: [part] }
  })
  return { policy, client, runs, streams: { [wholeClient]: state } }
}

/** The key of a task; names hold no slash. */
export function taskKey(policy: string, client: string): string {
  return `${policy}/${client}`
}

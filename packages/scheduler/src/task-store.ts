import type { JobOrigin, Store } from '@nb/contracts'

/** A run that a task has begun; `jobId` is known once the job manager has answered. */
export interface TaskRun {
  /** Written before the job is asked for, so that asking again after a crash finds the same job. */
  readonly requestId: string
  readonly jobId?: string
  readonly schedule: string
  readonly origin: JobOrigin
  /** Milliseconds since the epoch. */
  readonly startedAt: number
}

/** What a PolicyClient task remembers over restarts. */
export interface TaskRecord {
  readonly policy: string
  readonly client: string
  readonly runs: readonly TaskRun[]
  /** When the tries since the last success began, milliseconds since the epoch. */
  readonly failures: readonly number[]
  readonly lastStatus?: number
}

/** Task records at rest. */
export interface TaskStore {
  all(): AsyncIterable<TaskRecord>
  /** Durable when resolved. */
  put(record: TaskRecord): Promise<void>
  remove(policy: string, client: string): Promise<void>
}

/** Makes a task store on a sublevel of `store`. */
export function createTaskStore(store: Store): TaskStore {
  const level = store.sublevel<string, TaskRecord>('tasks', { valueEncoding: 'json' })
  return {
    all: () => level.values(),
    put: (record) => level.put(taskKey(record.policy, record.client), record, { sync: true } as object),
    remove: (policy, client) => level.del(taskKey(policy, client), { sync: true } as object),
  }
}

/** The key of a task; names hold no slash. */
export function taskKey(policy: string, client: string): string {
  return `${policy}/${client}`
}

import { randomUUID } from 'node:crypto'
import type { Schedule } from '@nb/contracts'
import { type AttemptLimits, triesLeft } from './attempts.ts'
import type { StartFacts } from './start-facts.ts'
import type { ClientStream } from './streams.ts'
import { type RunPart, type TaskRecord, type TaskRun, wholeClient } from './task-store.ts'

/** What is to start. */
export interface RunFacts {
  readonly schedule: Schedule
  /** Those that start. */
  readonly streams: readonly ClientStream[]
  /** All that the client has. */
  readonly all: readonly ClientStream[]
  readonly facts: StartFacts
  readonly states: TaskRecord['streams']
}

/** A run that begins, as it is noted before it is asked for; nobody has had its request's id. */
export function newRun(
  { schedule, streams, all, facts, states }: RunFacts,
  now: number,
  attempts: AttemptLimits,
): TaskRun {
  const parts = streams.map(({ name, selections }): RunPart => {
    const tries = triesLeft(states[name ?? wholeClient]?.failures ?? [], now, attempts)
    if (name === undefined) return selections === undefined ? { tries } : { selections, tries }
    return selections === undefined ? { stream: name, tries } : { stream: name, selections, tries }
  })
  const names = all.flatMap(({ name }) => name ?? [])
  const run = { requestId: randomUUID(), schedule: schedule.name, startedAt: now, ...facts, parts }
  return names.length === 0 ? run : { ...run, streamSet: names }
}

import type { PlannedRun, PolicyClientTask } from '@nb/contracts'
import { scheduleType } from './policy.ts'
import { closed, integer, maybe, oneOf, type Schema, text, time } from './schema.ts'

export const plannedRun: Schema<PlannedRun> = closed<PlannedRun>({
  policy: text,
  client: text,
  schedule: text,
  scheduleType,
  dueAt: time,
  startsAt: time,
})

export const policyClientTask: Schema<PolicyClientTask> = closed<PolicyClientTask>({
  policy: text,
  client: text,
  state: oneOf<PolicyClientTask['state']>({ waiting: true, running: true, inactive: true, blocked: true }),
  next: maybe(plannedRun),
  jobId: maybe(text),
  reason: maybe(text),
  lastStatus: maybe(integer),
})

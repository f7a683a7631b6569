import type { PlannedRun, PolicyClientTask, UserRunRequest } from '@nb/contracts'
import { scheduleType } from './policy.ts'
import { closed, integer, list, maybe, oneOf, path, type Schema, text, time } from './schema.ts'

export const plannedRun: Schema<PlannedRun> = closed<PlannedRun>({
  policy: text,
  client: text,
  stream: maybe(text),
  schedule: text,
  scheduleType,
  dueAt: time,
  startsAt: time,
  closesAt: time,
})

export const policyClientTask: Schema<PolicyClientTask> = closed<PolicyClientTask>({
  policy: text,
  client: text,
  stream: maybe(text),
  state: oneOf<PolicyClientTask['state']>({ waiting: true, running: true, inactive: true, blocked: true }),
  next: maybe(plannedRun),
  jobId: maybe(text),
  reason: maybe(text),
  lastStatus: maybe(integer),
})

export const userRunRequest: Schema<UserRunRequest> = closed<UserRunRequest>({
  requestId: text,
  client: text,
  type: oneOf<UserRunRequest['type']>({ 'user-backup': true, 'user-archive': true }),
  paths: list(path),
  policy: maybe(text),
  schedule: maybe(text),
  requestedBy: maybe(text),
})

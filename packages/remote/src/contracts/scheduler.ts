import type { Scheduler } from '@nb/contracts'
import { policy, policyRemoval, retentionLevel, storedPolicy } from '../schemas/policy.ts'
import { plannedRun, policyClientTask, userRunRequest } from '../schemas/scheduling.ts'
import { closed, count, empty, list, maybe, nothing, text, time } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof Scheduler> = InputOf<Scheduler, Name>

export const schedulerContract: PortContract<Scheduler> = {
  putPolicy: call(closed<In<'putPolicy'>>({ policy, generation: maybe(count) }), storedPolicy),
  getPolicy: call(closed<In<'getPolicy'>>({ name: text }), maybe(storedPolicy)),
  removePolicy: call(closed<In<'removePolicy'>>({ name: text }), nothing),
  policyRemoval: call(closed<In<'policyRemoval'>>({ name: text }), maybe(policyRemoval)),
  policies: stream(empty, storedPolicy),
  runNow: call(
    closed<In<'runNow'>>({ policy: text, client: maybe(text), schedule: maybe(text) }),
    closed<OutputOf<Scheduler, 'runNow'>>({ jobIds: list(text) }),
  ),
  runForUser: call(userRunRequest, closed<OutputOf<Scheduler, 'runForUser'>>({ jobId: text })),
  putRetentionLevel: call(retentionLevel, nothing),
  retentionLevels: call(empty, list(retentionLevel)),
  preview: stream(closed<In<'preview'>>({ policy: text, from: time, to: time }), plannedRun),
  tasks: stream(closed<In<'tasks'>>({ policy: maybe(text) }), policyClientTask),
}

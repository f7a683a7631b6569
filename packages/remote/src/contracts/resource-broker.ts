import type { ResourceBroker } from '@nb/contracts'
import { explanation, grant, queuedRequest, reconcileReport, resourceRequest } from '../schemas/resources.ts'
import { closed, count, flag, integer, maybe, nothing, text, time } from '../schemas/schema.ts'
import { call, type InputOf, type OutputOf, type PortContract, stream } from './port-contract.ts'

type In<Name extends keyof ResourceBroker> = InputOf<ResourceBroker, Name>

export const resourceBrokerContract: PortContract<ResourceBroker> = {
  acquire: call(resourceRequest, grant),
  renew: call(
    closed<In<'renew'>>({ leaseId: text }),
    closed<OutputOf<ResourceBroker, 'renew'>>({ expiresAt: time }),
  ),
  release: call(closed<In<'release'>>({ leaseId: text }), nothing),
  setPriority: call(closed<In<'setPriority'>>({ jobId: text, priority: integer }), nothing),
  deny: call(closed<In<'deny'>>({ jobId: text, reason: maybe(text) }), nothing),
  explain: call(closed<In<'explain'>>({ jobId: text }), explanation),
  queue: stream(closed<In<'queue'>>({ limit: maybe(count) }), queuedRequest),
  grants: stream(closed<In<'grants'>>({ jobId: maybe(text) }), grant),
  reconcile: call(closed<In<'reconcile'>>({ repair: flag }), reconcileReport),
}

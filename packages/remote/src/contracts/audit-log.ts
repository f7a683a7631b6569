import type { AuditFilter, AuditLog } from '@nb/contracts'
import { auditEntry, auditOutcome, auditRecord } from '../schemas/audit.ts'
import { closed, count, list, maybe, nothing, text, time } from '../schemas/schema.ts'
import { call, type PortContract, stream } from './port-contract.ts'

const auditFilter = closed<AuditFilter>({
  caller: maybe(text),
  call: maybe(text),
  subject: maybe(text),
  outcomes: maybe(list(auditOutcome)),
  from: maybe(time),
  to: maybe(time),
  limit: maybe(count),
})

export const auditLogContract: PortContract<AuditLog> = {
  append: call(auditEntry, nothing),
  list: stream(auditFilter, auditRecord),
  watch: stream(auditFilter, auditRecord),
}

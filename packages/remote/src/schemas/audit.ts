import {
  type AuditCaller,
  type AuditEntry,
  type AuditRecord,
  type ErrorCode,
  errorKinds,
} from '@nb/contracts'
import { role } from './hosts.ts'
import { closed, count, integer, list, maybe, oneOf, type Schema, text, time } from './schema.ts'

const auditCaller: Schema<AuditCaller> = closed<AuditCaller>({
  name: maybe(text),
  roles: list(role),
  address: maybe(text),
})

export const auditOutcome: Schema<AuditEntry['outcome']> = oneOf<AuditEntry['outcome']>({
  done: true,
  refused: true,
  failed: true,
})

const codes = Object.fromEntries(Object.keys(errorKinds).map((code) => [code, true])) as Record<
  ErrorCode,
  true
>

const entry = {
  time,
  caller: auditCaller,
  call: text,
  subject: maybe(text),
  outcome: auditOutcome,
  error: maybe(closed<NonNullable<AuditEntry['error']>>({ code: oneOf<ErrorCode>(codes), status: integer })),
}

export const auditEntry: Schema<AuditEntry> = closed<AuditEntry>(entry)
export const auditRecord: Schema<AuditRecord> = closed<AuditRecord>({ ...entry, number: count })

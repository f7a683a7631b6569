import type { HostCertificate, HostRecord, Role } from '@nb/contracts'
import { z } from 'zod'
import { closed, list, maybe, oneOf, type Schema, text, time } from './schema.ts'

/** A short text of who may not even have proven itself: PEM, tokens, signatures. */
export const boundedText = (length: number): Schema<string> => z.string().max(length)

export const role: Schema<Role> = oneOf<Role>({
  master: true,
  'media-server': true,
  client: true,
  administrator: true,
  operator: true,
  viewer: true,
})

export const hostKind: Schema<HostRecord['kind']> = oneOf<HostRecord['kind']>({ host: true, person: true })

export const hostState: Schema<HostRecord['state']> = oneOf<HostRecord['state']>({
  invited: true,
  enrolled: true,
  revoked: true,
})

/** At most 16 of them. */
export const addresses: Schema<readonly string[]> = z.array(boundedText(300)).max(16)

const hostCertificate: Schema<HostCertificate> = closed<HostCertificate>({
  serial: text,
  fingerprint: text,
  notBefore: time,
  notAfter: time,
})

export const hostRecord: Schema<HostRecord> = closed<HostRecord>({
  name: text,
  kind: hostKind,
  roles: list(role),
  addresses: list(text),
  sources: list(text),
  state: hostState,
  tokenExpiresAt: maybe(time),
  certificate: maybe(hostCertificate),
  revoked: maybe(closed<NonNullable<HostRecord['revoked']>>({ at: time, reason: text })),
})

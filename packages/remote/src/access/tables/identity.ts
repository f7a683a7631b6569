import { X509Certificate } from 'node:crypto'
import type { AuditLog, Enrolment, HostDirectory, IssuedIdentity } from '@nb/contracts'
import { peerIdentityOf } from '../../identity/peer-identity.ts'
import type { PortRules } from '../port-rules.ts'
import { administers, internal, reads, self } from '../rules.ts'

const named = ({ name }: { readonly name: string }): string => name

/** Whom a certificate was made for: its token or its old certificate said it, and both are no names. */
const certified = (result: unknown): string =>
  peerIdentityOf(new X509Certificate((result as IssuedIdentity).certificate)).name

/** What each needs to come in, to stay in, and to know who is out: tokens and proofs are in the arguments. */
export const enrolmentRules: PortRules<Enrolment> = {
  enrol: { effect: 'changes', may: { administrator: 'any', anyone: 'any' }, subjectOfResult: certified },
  renew: { effect: 'changes', may: { administrator: 'any', anyone: 'any' }, subjectOfResult: certified },
  revocations: { effect: 'reads', may: { administrator: 'any', anyone: 'any' } },
}

export const hostRules: PortRules<HostDirectory> = {
  list: reads(),
  get: reads({
    client: ({ name }) => [self(name)],
    // Where the clients are whose jobs it was given.
    'media-server': 'any',
  }),
  createToken: administers(named),
  update: administers(named),
  revoke: administers(named),
  remove: administers(named),
}

export const auditRules: PortRules<AuditLog> = {
  append: internal(({ call }) => call),
  list: reads(),
  watch: reads(),
}

import {
  asNbError,
  type AuditEntry,
  type AuditLog,
  type Clock,
  debugLogger,
  type HostDirectory,
  type Logger,
  NbError,
  type Role,
} from '@nb/contracts'
import type { PeerIdentity } from '../identity/identity.ts'
import { noFacts } from './claims.ts'
import { type FactSources, gatherFacts } from './gather-facts.ts'
import { type CheckedCall, claimsOf, isAudited, mayCall, ruleOf } from './may-call.ts'

/** What a host decides with. */
export interface CallGuardComponents extends FactSources {
  readonly clock: Clock
  /** On the master: roles that were taken away, and names that were revoked, count at once. */
  readonly hosts?: Pick<HostDirectory, 'get'>
  /** Where changes and refusals are noted.. @default they are not noted */
  readonly audit?: Pick<AuditLog, 'append'>
  /** @default debugLogger('nb:remote:access') */
  readonly log?: Logger
}

/** A call, and who makes it. */
export interface GuardedCall extends CheckedCall {
  /** Absent for a caller that showed no certificate. */
  readonly peer: PeerIdentity | undefined
  /** Where it comes from, where that is known. */
  readonly address?: string
}

/** Told once when a call that was admitted has ended, and how. */
export type CallEnded = (error?: unknown) => Promise<void>

/** Decides who may call what, by the table. */
export interface CallGuard {
  /**
   * Throws `access-denied`, or `identity-invalid` for a name that the directory does not have or has revoked. For a call that is to be
   * in the audit log it gives what has to be told how the call ended.
   */
  admit(call: GuardedCall): Promise<CallEnded | undefined>
}

/** Makes the guard of a host. */
export function createCallGuard({
  clock,
  hosts,
  audit,
  log = debugLogger('nb:remote:access'),
  ...sources
}: CallGuardComponents): CallGuard {
  const note = async (call: GuardedCall, outcome: AuditEntry['outcome'], error?: NbError): Promise<void> =>
    audit?.append({
      time: clock.now(),
      caller: {
        roles: call.peer?.roles ?? [],
        ...(call.peer === undefined ? {} : { name: call.peer.name }),
        ...(call.address === undefined ? {} : { address: call.address }),
      },
      call: `${call.port}.${call.method}`,
      ...subjectOf(call),
      outcome,
      ...(error === undefined ? {} : { error: { code: error.code, status: error.status } }),
    })
  const decide = async (call: GuardedCall): Promise<void> => {
    if (call.peer === undefined) return mayCall(undefined, call, noFacts)
    const known = await knownIn(hosts, call.peer)
    const peer = { name: call.peer.name, roles: known.roles }
    const claims = claimsOf(peer, call)
    mayCall(peer, call, await gatherFacts(claims, peer.name, known.sources, sources))
  }
  return {
    admit: async (call) => {
      try {
        await decide(call)
      } catch (cause) {
        const error = asNbError(cause)
        // A refusal stays one where it can't be noted.
        if (error.status === 46)
          await note(call, 'refused', error).catch((failure: unknown) =>
            log.error('a refusal of %s.%s was not noted: %o', call.port, call.method, failure),
          )
        throw cause
      }
      if (audit === undefined || !isAudited(call.peer, call)) return undefined
      return (error) => (error === undefined ? note(call, 'done') : note(call, 'failed', asNbError(error)))
    },
  }
}

/** What the directory says of a peer now; without a directory what its certificate says. */
async function knownIn(
  hosts: Pick<HostDirectory, 'get'> | undefined,
  { name, roles }: PeerIdentity,
): Promise<{ readonly roles: readonly Role[]; readonly sources: readonly string[] }> {
  if (hosts === undefined) return { roles, sources: [] }
  const record = await hosts.get({ name })
  if (record?.state !== 'enrolled')
    throw new NbError('identity-invalid', `${name} is ${record?.state ?? 'not known here'}; enrol again`, {
      details: { name },
    })
  return { roles: roles.filter((role) => record.roles.includes(role)), sources: record.sources }
}

function subjectOf(call: GuardedCall): { readonly subject?: string } {
  const subject = ruleOf(call)?.subject?.(call.input)
  return subject === undefined ? {} : { subject: subject.slice(0, 500) }
}

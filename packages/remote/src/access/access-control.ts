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
import type { AccessControl, HostCall, RefusedRequest } from './access.ts'
import { noFacts } from './claims.ts'
import { type FactSources, gatherFacts } from './gather-facts.ts'
import { kindOfRole } from '../identity/names.ts'
import { CallBudget } from './call-budget.ts'
import { claimsOf, isAudited, mayCall, ruleOf } from './may-call.ts'

/** What a host decides with. */
export interface AccessControlComponents extends FactSources {
  readonly clock: Clock
  /** On the master: roles that were taken away, and names that were revoked, count at once. */
  readonly hosts?: Pick<HostDirectory, 'get'>
  /**
   * Where changes are noted; refusals, and failures of hosts and strangers, 60 a minute of each name and of all strangers together. @default they are not
   * noted
   */
  readonly audit?: Pick<AuditLog, 'append'>
  /** @default debugLogger('nb:remote:access') */
  readonly log?: Logger
}

/**
 * How many changes a host, or all strangers at one address, may make in a minute. Each is noted durably, and stays. Who tries tokens keeps nobody out
 * who enrols from another address.
 */
const mostChanges = 600

/** How many bytes of lines a client may write into the logs of its jobs in a minute; they stay as long as the jobs. */
const mostLogBytes = 8 * 2 ** 20

/**
 * Decides who may call what on this host, by the table. Refuses with `access-denied`, or `identity-invalid` for a name that the directory does not have or
 * has revoked, `state-conflict` for a host that makes more than 600 changes a minute, and a client that writes more than 8 MiB of lines.
 */
export function createAccessControl({
  clock,
  hosts,
  audit,
  log = debugLogger('nb:remote:access'),
  ...sources
}: AccessControlComponents): AccessControl {
  const refusals = new CallBudget(clock, 60)
  const changes = new CallBudget(clock, mostChanges)
  const logged = new CallBudget(clock, mostLogBytes)
  const note = async (
    call: HostCall,
    outcome: AuditEntry['outcome'],
    { error, result }: { readonly error?: NbError; readonly result?: unknown } = {},
  ): Promise<void> =>
    audit?.append({
      time: clock.now(),
      caller: {
        roles: call.peer?.roles ?? [],
        ...(call.peer === undefined ? {} : { name: call.peer.name }),
        ...(call.address === undefined ? {} : { address: call.address }),
      },
      call: `${call.port}.${call.method}`,
      ...subjectOf(call, result),
      outcome,
      ...(error === undefined ? {} : { error: { code: error.code, status: error.status } }),
    })
  const refusedUnread = ({ address, error }: RefusedRequest): void => {
    // Who that is nobody can know: all share what is noted of strangers.
    if (audit === undefined || !refusals.spend(undefined)) return
    const { code, status } = error
    const caller = address === undefined ? { roles: [] } : { roles: [], address }
    audit
      .append({ time: clock.now(), caller, call: 'connect', outcome: 'refused', error: { code, status } })
      .catch((failure: unknown) => log.error('a refused connection was not noted: %o', failure))
  }
  const decide = async (call: HostCall): Promise<void> => {
    if (call.peer === undefined) return mayCall(undefined, call, noFacts)
    const known = await knownIn(hosts, call.peer)
    const peer = { name: call.peer.name, roles: known.roles }
    const claims = claimsOf(peer, call)
    const facts = await gatherFacts(claims, peer.name, known.sources, sources)
    try {
      mayCall(peer, call, facts)
    } catch (cause) {
      const { may = {} } = ruleOf(call) ?? {}
      const isForThem = known.unproven.some((role) => may[role] !== undefined)
      throw isForThem || peer.roles.length === 0 ? notProven(call.peer, known.unproven, cause) : cause
    }
  }
  return {
    refused: refusedUnread,
    admit: async (call) => {
      try {
        await decide(call)
      } catch (cause) {
        const error = asNbError(cause)
        // A refusal stays one where it can't be noted.
        if (error.status === 46 && refusals.spend(call.peer?.name))
          await note(call, 'refused', { error }).catch((failure: unknown) =>
            log.error('a refusal of %s.%s was not noted: %o', call.port, call.method, failure),
          )
        throw cause
      }
      if (isClientsLog(call) && !logged.spend(call.peer?.name, JSON.stringify(call.input).length))
        throw tooMuch(call, `more than ${mostLogBytes / 2 ** 20} MiB of lines were written`, mostLogBytes)
      if (audit === undefined || !isAudited(call.peer, call)) return undefined
      // No name of ours has a blank.
      const spender = call.peer?.name ?? `stranger ${call.address}`
      if (isHost(call.peer) && !changes.spend(spender))
        throw tooMuch(call, `more than ${mostChanges} changes were made`, mostChanges)
      return async (error, result) => {
        if (error === undefined) return note(call, 'done', { result })
        // Whoever tries tokens is a stranger whose calls fail, or a host that is in other hands.
        if (!isHost(call.peer) || refusals.spend(call.peer?.name))
          await note(call, 'failed', { error: asNbError(error) })
      }
    },
  }
}

/**
 * What the directory says of a peer now; without a directory what its certificate says. Roles count that both have; `unproven` are those that the
 * directory alone has, which the certificate was not issued for.
 */
async function knownIn(
  hosts: Pick<HostDirectory, 'get'> | undefined,
  { name, roles }: PeerIdentity,
): Promise<{
  readonly roles: readonly Role[]
  readonly unproven: readonly Role[]
  readonly sources: readonly string[]
}> {
  if (hosts === undefined) return { roles, unproven: [], sources: [] }
  const record = await hosts.get({ name })
  if (record?.state !== 'enrolled')
    throw new NbError('identity-invalid', `${name} is ${record?.state ?? 'not known here'}; enrol again`, {
      details: { name, ...(record?.state === 'revoked' ? { reason: 'CERT_REVOKED' } : {}) },
      remedy: `Enrol ${name} again: a new token, nb host token ${name} --role ROLE, then nb host enrol there.`,
    })
  return {
    roles: roles.filter((role) => record.roles.includes(role)),
    unproven: record.roles.filter((role) => !roles.includes(role)),
    sources: record.sources,
  }
}

/** Somebody was given a role after the certificate was issued. */
function notProven(
  { name, roles }: Pick<PeerIdentity, 'name' | 'roles'>,
  unproven: readonly Role[],
  cause: unknown,
): NbError {
  const { details } = asNbError(cause)
  const wanted = unproven.map((role) => `--role ${role}`).join(' ')
  return new NbError(
    'access-denied',
    `${name} is ${unproven.join(', ')} now, and its certificate is still that of ${roles.join(', ')}: it has to enrol again`,
    {
      details: { ...details, unproven: [...unproven] },
      remedy: `Enrol ${name} again: nb host token ${name} ${wanted} and all else that it is to be, by an administrator, then nb host enrol there.`,
      cause,
    },
  )
}

/** Programs, and who showed no certificate; persons decide what they do. */
function isHost(peer: HostCall['peer']): boolean {
  return peer === undefined || peer.roles.every((role) => kindOfRole(role) === 'host')
}

/** Whether a host that is a client and nothing else writes lines of a job. */
function isClientsLog({ port, peer }: HostCall): boolean {
  return port === 'jobLog' && peer !== undefined && peer.roles.every((role) => role === 'client')
}

function tooMuch({ peer, port, method }: HostCall, what: string, most: number): NbError {
  return new NbError(
    'state-conflict',
    `${peer?.name ?? 'a caller without a certificate'} may call ${port}.${method} again in a minute: ${what}`,
    { details: { most }, retryable: true },
  )
}

function subjectOf(call: HostCall, result: unknown): { readonly subject?: string } {
  const rule = ruleOf(call)
  const told = result === undefined ? undefined : rule?.subjectOfResult?.(result)
  const subject = told ?? rule?.subject?.(call.input)
  return subject === undefined ? {} : { subject: subject.slice(0, 500) }
}

import { NbError, type Role } from '@nb/contracts'
import type { PortName } from '../contracts/ports.ts'
import type { PeerIdentity } from '../identity/identity.ts'
import { kindOfRole, roles as allRoles } from '../identity/names.ts'
import { type CallFacts, type Claim, holds } from './claims.ts'
import type { AccessRule, Scope } from './rules.ts'
import { accessTable } from './table.ts'

/** A call, its argument checked. */
export interface CheckedCall {
  readonly port: PortName
  readonly method: string
  readonly input: unknown
}

/** Who calls; `undefined` is a caller that showed no certificate. */
export type CallPeer = Pick<PeerIdentity, 'name' | 'roles'> | undefined

/** The rule for a call; `undefined` where the port has no such method. */
export function ruleOf({
  port,
  method,
}: Pick<CheckedCall, 'port' | 'method'>): AccessRule<unknown> | undefined {
  const rules = accessTable[port] as Readonly<Record<string, AccessRule<unknown>>>
  return Object.hasOwn(rules, method) ? rules[method] : undefined
}

/**
 * What has to be looked up before {@link mayCall} can decide: the claims of the caller's roles. None where a role decides by itself.
 */
export function claimsOf(peer: CallPeer, call: CheckedCall): readonly Claim[] {
  const scopes = scopesOf(peer, call)
  return scopes.includes('any') ? [] : scopes.flatMap((scope) => (scope === 'any' ? [] : scope(call.input)))
}

/**
 * Decides whether a caller may make a call: where one of its roles may, on all that the argument names. Pure; a claim on what `facts` do not know does
 * not hold. Throws `access-denied`, which names the roles of the caller, the call, and the roles that may make it.
 */
export function mayCall(peer: CallPeer, call: CheckedCall, facts: CallFacts): void {
  const scopes = scopesOf(peer, call)
  const isAllowed = scopes.some(
    (scope) => scope === 'any' || scope(call.input).every((claim) => holds(claim, peer?.name ?? '', facts)),
  )
  if (!isAllowed) throw denied(peer, call, scopes.length > 0)
}

/**
 * Whether a call is noted in the audit log when it was allowed: what changes something by somebody's decision. What hosts report to one another is not,
 * unless a person did it. A refusal always is.
 */
export function isAudited(peer: CallPeer, call: CheckedCall): boolean {
  const effect = effectOf(call)
  return effect === 'changes' || (effect === 'reports' && peer?.roles.some(isPersons) === true)
}

/** What a call does; one that no rule knows changes something. */
export function effectOf(call: CheckedCall): 'reads' | 'changes' | 'reports' {
  const effect = ruleOf(call)?.effect ?? 'changes'
  return typeof effect === 'function' ? effect(call.input) : effect
}

const isPersons = (role: Role): boolean => kindOfRole(role) === 'person'

function scopesOf(peer: CallPeer, call: CheckedCall): Scope<unknown>[] {
  const rule = ruleOf(call)
  const names = ['anyone' as const, ...(peer?.roles ?? [])]
  return names.map((name) => rule?.may[name]).filter((scope) => scope !== undefined)
}

function denied(peer: CallPeer, call: CheckedCall, isScoped: boolean): NbError {
  const named = `${call.port}.${call.method}`
  const may = ruleOf(call)?.may ?? {}
  const wanted = allRoles.filter((role) => may[role] !== undefined)
  const who =
    peer === undefined ? 'a caller without a certificate' : `${peer.name} (${peer.roles.join(', ')})`
  const what = isScoped ? `may call ${named}, but not on what it names` : `may not call ${named}`
  const way = wanted.length === 0 ? 'nobody may' : `that is for ${wanted.join(', ')}`
  const rest = isScoped ? 'it is not its own, and no administrator has allowed it more' : way
  return new NbError('access-denied', `${who} ${what}: ${rest}`, {
    details: { call: named, caller: peer?.name ?? null, roles: peer?.roles ?? [], allowed: wanted },
    remedy: remedyOf(peer, isScoped, wanted),
  })
}

function remedyOf(peer: CallPeer, isScoped: boolean, wanted: readonly Role[]): string {
  if (peer === undefined) return 'Enrol this host or person first, with a token of the administrator.'
  if (isScoped && peer.roles.some(isPersons))
    return 'Have it done by an administrator. A restore of an operator goes onto the client that was backed up, without --to-client, and to nobody else.'
  if (isScoped)
    return `Name what belongs to ${peer.name}. It restores to itself alone: nb restore with --to-client ${peer.name}; what others saved it may have after nb host set ${peer.name} --source CLIENT, by an administrator.`
  const persons = wanted.filter(isPersons)
  return persons.length === 0
    ? 'Only the programs of other hosts ask for this.'
    : `Have it done by somebody who is ${persons.join(' or ')}; nb host token makes one for a person, with a name of its own.`
}

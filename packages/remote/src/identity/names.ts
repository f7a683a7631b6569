import type { HostRole, PersonRole, Role } from '@nb/contracts'

/** Whom a name is of: hosts and persons have roles of their own. */
export type IdentityKind = 'host' | 'person'

const rolesOf: {
  readonly host: Readonly<Record<HostRole, true>>
  readonly person: Readonly<Record<PersonRole, true>>
} = {
  host: { master: true, 'media-server': true, client: true },
  person: { administrator: true, operator: true, viewer: true },
}

/** Every role, hosts' first. */
export const roles: readonly Role[] = Object.values(rolesOf).flatMap((kind) => Object.keys(kind) as Role[])

/** Whether it is the name of a role. */
export function isRole(text: string): text is Role {
  return (roles as readonly string[]).includes(text)
}

/** Whether the role is one of hosts or of persons. */
export function kindOfRole(role: Role): IdentityKind {
  return Object.hasOwn(rolesOf.host, role) ? 'host' : 'person'
}

/** The kind that all these roles are of; `undefined` where there are none, or roles of both. */
export function kindOfRoles(given: readonly Role[]): IdentityKind | undefined {
  const [first, ...rest] = given.map(kindOfRole)
  return rest.every((kind) => kind === first) ? first : undefined
}

/**
 * Labels of letters, digits, `-` and `_`, with dots between: a host's name as DNS has it (RFC 1123 2.1, and `_`, which
 * is in use), a person's login. Nothing in it means anything in a URI, a PEM text, a path or a log.
 */
const name =
  /^(?=.{1,200}$)[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$/

/** Whether a host or person can be named so. */
export function isIdentityName(text: string): boolean {
  return name.test(text)
}

/**
 * The domain of the DNS names in certificates, `web1.nb.internal`: reserved for private use, so that our authority is good for no
 * name that anyone else has, even where somebody trusts it for everything.
 */
export const identityDomain = 'nb.internal'

/** The host's name as DNS has it in its certificate, to connect by with programs that check such names. */
export function dnsNameOf(name: string): string {
  return `${name.toLowerCase()}.${identityDomain}`
}

import { type Json, NbError, type Role, tokenValidity } from '@nb/contracts'
import { isIdentityName, isRole, kindOfRoles, type IdentityKind } from './names.ts'

/** Rejects what no host or person can be named. */
export function checkName(name: string): void {
  if (!isIdentityName(name))
    throw refused(
      'name',
      'letters, digits, "-" and "_", in parts with dots between, 200 characters at the most',
      name,
    )
}

/** The kind that all roles are of; rejects none, several of both kinds, and those given twice. */
export function checkRoles(roles: readonly Role[]): IdentityKind {
  const kind = roles.every(isRole) && new Set(roles).size === roles.length ? kindOfRoles(roles) : undefined
  if (kind === undefined)
    throw refused(
      'roles',
      'one or more of master, media-server and client, for a host, or of administrator, operator and viewer, for a person',
      [...roles],
    )
  return kind
}

/** A host by name or IPv4 address, or an IPv6 address in brackets; a port. */
const address = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):([1-9]\d{0,4})$/

/** Rejects what is no address, and more than 16. */
export function checkAddresses(addresses: readonly string[]): void {
  const isAddress = (text: string): boolean => Number(address.exec(text)?.[1] ?? 65_536) < 65_536
  if (addresses.length > 16 || !addresses.every(isAddress))
    throw refused(
      'addresses',
      'at most 16, each host:port, such as web1.example.com:13724 or [2001:db8::1]:13724',
      [...addresses],
    )
}

/** Rejects sources that no client can be named, and more than 10000. */
export function checkSources(sources: readonly string[]): void {
  if (sources.length > 10_000 || !sources.every((source) => source.length > 0 && source.length <= 1000))
    throw refused('sources', 'at most 10000 names of clients, or * for all', sources.length)
}

/** Rejects what is not within {@link tokenValidity}. */
export function checkValidity(validForMs: number): void {
  const { leastMs, mostMs } = tokenValidity
  if (!(Number.isSafeInteger(validForMs) && validForMs >= leastMs && validForMs <= mostMs))
    throw refused('validForMs', `${leastMs} to ${mostMs} milliseconds`, validForMs)
}

function refused(field: string, allowed: string, given: Json): NbError {
  return new NbError('argument-invalid', `${field} must be ${allowed}`, { details: { field, given } })
}

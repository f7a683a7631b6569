import { NbError, type Role } from '@nb/contracts'
import type { OwnIdentity } from './identity-files.ts'

/** Who a program is to be. */
export interface ExpectedSelf {
  /** The name that it is known by. */
  readonly name: string
  /** The role that its certificate must have. */
  readonly role: Role
}

/**
 * Throws `identity-invalid` where an identity is not that of who uses it: whoever calls would refuse it, each time, and the one that uses it would not know. `details.field`
 * is `name` or `role`.
 */
export function checkOwn(own: OwnIdentity, directory: string, { name, role }: ExpectedSelf): void {
  const whose = `the certificate in ${directory} is that of ${own.name} (${own.roles.join(', ')})`
  if (own.name !== name)
    throw new NbError('identity-invalid', `${whose}: name must be ${own.name}, not ${name}`, {
      details: { field: 'name', directory, name: own.name, given: name },
      remedy: `Start it with --name ${own.name}, or with the state folder of ${name}${role === 'master' ? '' : `; or enrol it as ${name}: nb host token ${name} --role ${role} on the master, then nb host enrol here`}.`,
    })
  if (!own.roles.includes(role))
    throw new NbError('identity-invalid', `${whose}: role must be ${role} for this program`, {
      details: { field: 'role', directory, name: own.name, roles: own.roles, wanted: role },
      remedy: `Start the program that is for ${own.roles.join(' or ')}, or enrol it with a name for this one: nb host token NAME --role ${role} on the master, then nb host enrol here.`,
    })
}

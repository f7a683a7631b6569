import { type CallOptions, type HostRecord, NbError, type Role } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'

/** What is asked for with `nb host token`. */
export interface HostTokenRequest {
  readonly name: string
  readonly roles: readonly Role[]
  readonly addresses?: readonly string[]
  readonly validForMs?: number
}

/**
 * `nb host token NAME --role ROLE`: a token with which a host or person of that name enrols once. It is told this once. Rejects with `state-conflict` where it
 * would take a role from a name that is enrolled, since who has that name now is cut off then.
 */
export async function hostTokenCommand(
  { hosts }: Pick<Ports, 'hosts'>,
  request: HostTokenRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const known = await hosts.get({ name: request.name }, call)
  if (known?.state === 'enrolled') refuseToTake(known, request.roles)
  const { token, expiresAt } = await hosts.createToken(request, call)
  if (output.json) await output.value({ name: request.name, token, expiresAt })
  else {
    await output.line(token)
    output.note(
      `${known === undefined ? '' : whatBecomesOf(known)}good once, until ${formatTime(expiresAt)}; ${howToEnrol(request)}`,
    )
  }
  return 0
}

/** The line that is typed there; what only those there know is in capitals. */
function howToEnrol({ name, roles, addresses = [] }: HostTokenRequest): string {
  const enrol = 'nb host enrol --master ADDRESS-OF-MASTER --token-file FILE --directory'
  const [folder] = roles.flatMap((role) => folders[role] ?? [])
  if (folder === undefined) return `where ${name} works: ${enrol} ~/.config/nb/identity`
  const address = addresses.length > 0 ? '' : ` --address ADDRESS-OF-${name}:13724`
  return `on ${name}: ${enrol} /var/lib/nb/${folder}/identity${address}, with the state folder of its program`
}

/** The state folders of the guide, by the roles of hosts. */
const folders: { readonly [Name in Role]?: string } = {
  master: 'master',
  'media-server': 'media-server',
  client: 'client',
}

function refuseToTake({ name, roles }: HostRecord, wanted: readonly Role[]): void {
  if (roles.every((role) => wanted.includes(role))) return
  const all = [...new Set([...roles, ...wanted])].map((role) => `--role ${role}`).join(' ')
  throw new NbError(
    'state-conflict',
    `${name} is enrolled as ${roles.join(', ')}: a token for ${wanted.join(', ')} would take that from it, and cut it off, once it is used`,
    {
      details: { name, roles: [...roles] },
      remedy: `Give another host a name of its own. Where ${name} is to be both, nb host token ${name} ${all}; where it is to change, nb host revoke ${name} first.`,
    },
  )
}

function whatBecomesOf({ name, state, roles }: HostRecord): string {
  if (state === 'enrolled')
    return `${name} is enrolled as ${roles.join(', ')}: its present certificate is revoked once this token is used; `
  return state === 'invited' ? `an earlier token of ${name} is void; ` : ''
}

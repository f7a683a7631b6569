import { type CallOptions, NbError, type Role } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { isEmpty } from '../unless-there.ts'

/** What `nb host set` changes; what is absent stays. */
export interface HostSetRequest {
  readonly name: string
  readonly roles?: readonly Role[]
  readonly addresses?: readonly string[]
  /** All that it may restore of besides; empty takes all of them back. */
  readonly sources?: readonly string[]
}

/**
 * `nb host set NAME`: roles, addresses, and whose backups it may restore besides its own. A role that is taken away ends at once; one that is given counts when
 * the name has enrolled again, which is noted. Rejects with `client-unknown` for a source of which there is nothing.
 */
export async function hostSetCommand(
  { hosts, catalog }: Pick<Ports, 'hosts' | 'catalog'>,
  request: HostSetRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  for (const source of request.sources ?? []) await checkSource({ hosts, catalog }, source, call)
  const before = request.roles === undefined ? undefined : await hosts.get({ name: request.name }, call)
  const { name, roles, addresses, sources, state } = await hosts.update(request, call)
  const isNew = (role: Role): boolean => before?.roles.includes(role) === false
  if (output.json) await output.value({ name, roles, addresses, sources })
  else {
    const others =
      sources.length === 0 ? 'its own backups only' : `its own backups and those of ${sources.join(', ')}`
    await output.line(
      `${name}: ${roles.join(', ')}; at ${addresses.join(', ') || 'no address'}; may restore ${others}`,
    )
    if (state === 'enrolled' && roles.some(isNew))
      output.note(
        `its certificate is still that of ${before?.roles.join(', ')}: ${name} has to enrol again to be ${roles.filter(isNew).join(', ')}: nb host token ${name} ${roles.map((role) => `--role ${role}`).join(' ')}`,
      )
  }
  return 0
}

/** A client that is gone may have left backups. */
async function checkSource(
  { hosts, catalog }: Pick<Ports, 'hosts' | 'catalog'>,
  client: string,
  call: CallOptions,
): Promise<void> {
  if (client === '*') return
  const record = await hosts.get({ name: client }, call)
  if (record?.roles.includes('client') === true) return
  if (!(await isEmpty(catalog.listImages({ client, limit: 1 }, call)))) return
  const what =
    record === undefined
      ? `there is no host ${client}, and no backup of one`
      : `${client} is ${record.roles.join(', ')}, no client, and there is no backup of it`
  throw new NbError('client-unknown', `${what}; nothing was changed`, {
    details: { client },
    remedy: 'Name a client as nb hosts --role client lists it, * for all, or none.',
  })
}

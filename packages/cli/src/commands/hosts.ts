import type { CallOptions, HostFilter, HostRecord } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'

/** `nb hosts`: the hosts and persons that the master knows, and until when their certificates are good. */
export async function hostsCommand(
  { hosts }: Pick<Ports, 'hosts'>,
  filter: HostFilter,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const found: HostRecord[] = []
  for await (const host of hosts.list(filter, call)) {
    if (output.json) await output.value(host)
    else found.push(host)
  }
  if (output.json) return 0
  await output.table(found, [
    { title: 'NAME', value: ({ name }) => name, shrinks: true },
    { title: 'ROLES', value: ({ roles }) => roles.join(', ') },
    { title: 'STATE', value: ({ state }) => state },
    {
      title: 'CERTIFICATE ENDS',
      spare: 1,
      value: ({ certificate }) => (certificate === undefined ? '' : formatTime(certificate.notAfter)),
    },
    { title: 'ADDRESS', value: placesOf, shrinks: true },
    { title: 'MAY ALSO RESTORE OF', spare: 2, value: ({ sources }) => sources.join(', '), shrinks: true },
  ])
  return 0
}

/** Backups and restores of a client, and to a media server, need its address. */
function placesOf({ addresses, roles, state }: HostRecord): string {
  const isReached = roles.includes('client') || roles.includes('media-server')
  return addresses.length === 0 && isReached && state === 'enrolled' ? 'no address' : addresses.join(', ')
}

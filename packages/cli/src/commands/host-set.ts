import type { CallOptions, Role } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** What `nb host set` changes; what is absent stays. */
export interface HostSetRequest {
  readonly name: string
  readonly roles?: readonly Role[]
  readonly addresses?: readonly string[]
  readonly sources?: readonly string[]
}

/** `nb host set NAME`: roles, addresses, and whose backups it may restore besides its own. */
export async function hostSetCommand(
  { hosts }: Pick<Ports, 'hosts'>,
  request: HostSetRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const { name, roles, addresses, sources } = await hosts.update(request, call)
  if (output.json) await output.value({ name, roles, addresses, sources })
  else {
    const others =
      sources.length === 0 ? 'its own backups only' : `its own backups and those of ${sources.join(', ')}`
    await output.line(
      `${name}: ${roles.join(', ')}; at ${addresses.join(', ') || 'no address'}; may restore ${others}`,
    )
  }
  return 0
}

import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'

/** What `nb host revoke` and `nb host remove` are asked. */
export interface HostEndRequest {
  readonly names: readonly string[]
  readonly reason?: string
}

/** `nb host revoke NAME...`: their certificates are good no more, and what is open to them is cut. */
export async function hostRevokeCommand(
  { hosts }: Pick<Ports, 'hosts'>,
  { names, reason = 'revoked by nb host revoke' }: HostEndRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    await hosts.revoke({ name, reason }, call)
    await told(output, name, 'revoked')
  })
}

/** `nb host remove NAME...`: takes names off that are revoked, or were never enrolled. */
export async function hostRemoveCommand(
  { hosts }: Pick<Ports, 'hosts'>,
  { names }: HostEndRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    await hosts.remove({ name }, call)
    await told(output, name, 'removed')
  })
}

async function told(output: Output, name: string, what: string): Promise<void> {
  if (output.json) await output.value({ name, [what]: true })
  else await output.line(`${name} is ${what}`)
}

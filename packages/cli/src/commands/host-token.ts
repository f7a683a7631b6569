import type { CallOptions, Role } from '@nb/contracts'
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

/** `nb host token NAME --role ROLE`: a token with which a host or person of that name enrols once. It is told this once. */
export async function hostTokenCommand(
  { hosts }: Pick<Ports, 'hosts'>,
  request: HostTokenRequest,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const { token, expiresAt } = await hosts.createToken(request, call)
  if (output.json) await output.value({ name: request.name, token, expiresAt })
  else {
    await output.line(token)
    output.note(
      `good once, until ${formatTime(expiresAt)}; on ${request.name}: nb host enrol --master ADDRESS --token-file FILE`,
    )
  }
  return 0
}

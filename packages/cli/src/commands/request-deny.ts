import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { forEach, given } from './each.ts'

/** Options of `nb request deny`. */
export interface RequestDenyOptions extends CallOptions {
  readonly jobIds: readonly string[]
  readonly reason?: string
}

/** `nb request deny JOB...`: the volume that a job waits for will not be brought. Those for which it fails are told, and give 1. */
export async function requestDenyCommand(
  { broker }: Pick<Ports, 'broker'>,
  { jobIds, reason, ...call }: RequestDenyOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(jobIds, output, async (jobId) => {
    await broker.deny({ jobId, ...given('reason', reason) }, call)
    await (output.json
      ? output.value({ jobId, denied: true, ...given('reason', reason) })
      : output.line(printable(`job ${jobId}: its request is denied`)))
  })
}

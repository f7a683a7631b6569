import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatCounted, formatTime } from '../units.ts'

/** Options of `nb purge`. */
export interface PurgeOptions extends CallOptions {
  /** Jobs that ended longer ago than this go, milliseconds. */
  readonly olderThanMs: number
}

/** `nb purge --older-than PERIOD`: removes jobs that ended before, with their logs. */
export async function purgeCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { olderThanMs, ...call }: PurgeOptions,
  output: Output,
): Promise<ExitCode> {
  const endedBefore = output.now() - olderThanMs
  const { purged } = await jobs.purge({ endedBefore }, call)
  if (output.json) await output.value({ purged, endedBefore })
  else
    await output.line(`${formatCounted(purged, 'job')} removed that ended before ${formatTime(endedBefore)}`)
  return 0
}

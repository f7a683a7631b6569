import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'

/** Options of `nb resume`. */
export interface ResumeOptions extends CallOptions {
  readonly jobIds: readonly string[]
}

/** `nb resume ID...`: puts suspended or incomplete jobs back on the queue. */
export async function resumeCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobIds, ...call }: ResumeOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(jobIds, output, async (jobId) => {
    await jobs.resume({ jobId }, call)
    const job = await jobs.get({ jobId }, call)
    if (output.json) return output.value(job ?? { id: jobId })
    return output.line(`job ${jobId}: is ${job?.state ?? 'gone'}, attempt ${job?.attempt ?? '?'}`)
  })
}

import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import { followJob, tellEnd } from '../follow-job.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'

/** Options of `nb restart`. */
export interface RestartOptions extends CallOptions {
  readonly jobIds: readonly string[]
  /** Wait until the new jobs have ended. @default false */
  readonly wait?: boolean
}

/** `nb restart ID...`: asks for the same again as new jobs. */
export async function restartCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobIds, wait = false, ...call }: RestartOptions,
  output: Output,
): Promise<ExitCode> {
  const started: string[] = []
  let worst = await forEach(jobIds, output, async (jobId) => {
    const { jobId: restartedAs } = await jobs.restart({ jobId }, call)
    started.push(restartedAs)
    await (output.json
      ? output.value({ jobId, restartedAs })
      : output.line(`job ${jobId}: restarted as job ${restartedAs}`))
  })
  if (!wait) return worst
  for (const jobId of started) {
    const code = await tellEnd(await followJob(jobs, jobId, output, call), output)
    if (code > worst) worst = code
  }
  return worst
}

import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import { followJob, tellEnd } from '../follow-job.ts'
import type { Output } from '../output.ts'

/** Options of `nb backup`. */
export interface BackupOptions extends CallOptions {
  readonly policy: string
  /** @default all clients of the policy */
  readonly client?: string
  /** @default the fullest */
  readonly schedule?: string
  /** Wait until the jobs have ended. @default false */
  readonly wait?: boolean
}

/**
 * `nb backup POLICY`: starts the policy's jobs now, whatever the window. Rejects with `policy-unknown`, `policy-inactive`,
 * `schedule-unknown`, `client-not-in-policy`.
 */
export async function backupCommand(
  { scheduler, jobs }: Pick<Ports, 'scheduler' | 'jobs'>,
  { policy, client, schedule, wait = false, ...call }: BackupOptions,
  output: Output,
): Promise<ExitCode> {
  const { jobIds } = await scheduler.runNow(
    {
      policy,
      ...(client === undefined ? {} : { client }),
      ...(schedule === undefined ? {} : { schedule }),
    },
    call,
  )
  return tellStarted(jobs, jobIds, wait, call, output)
}

/** Names the jobs that were started and, when asked, waits for their ends; the worst gives the exit code. */
export async function tellStarted(
  jobs: Ports['jobs'],
  jobIds: readonly string[],
  wait: boolean,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  let worst: ExitCode = 0
  for (const jobId of jobIds) await (output.json ? output.value({ jobId }) : output.line(`job ${jobId}`))
  if (!wait) return worst
  for (const jobId of jobIds) {
    const code = await tellEnd(await followJob(jobs, jobId, output, call), output)
    if (code > worst) worst = code
  }
  return worst
}

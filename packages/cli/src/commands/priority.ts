import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** Options of `nb priority`. */
export interface PriorityOptions extends CallOptions {
  readonly jobId: string
  /** 0–99999, higher goes first. */
  readonly priority: number
}

/** `nb priority ID N`: gives a job another priority. Rejects with `job-unknown`, `argument-invalid`, `state-conflict`. */
export async function priorityCommand(
  { jobs }: Pick<Ports, 'jobs'>,
  { jobId, priority, ...call }: PriorityOptions,
  output: Output,
): Promise<ExitCode> {
  await jobs.setPriority({ jobId, priority }, call)
  if (output.json) await output.value((await jobs.get({ jobId }, call)) ?? { id: jobId, priority })
  else await output.line(`job ${jobId}: has priority ${priority}`)
  return 0
}

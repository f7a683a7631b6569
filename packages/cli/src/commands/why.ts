import type { CallOptions, JobManager } from '@nb/contracts'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { formatDuration, withLocalTimes } from '../units.ts'

/** Options of `nb why`. */
export interface WhyOptions extends CallOptions {
  readonly jobId: string
}

/** `nb why ID`: what a job waits for, who holds it and what would free it. Rejects with `job-unknown`. */
export async function whyCommand(
  { jobs }: { readonly jobs: Pick<JobManager, 'explain'> },
  { jobId, ...call }: WhyOptions,
  output: Output,
): Promise<ExitCode> {
  const explanation = await jobs.explain({ jobId }, call)
  if (output.json) {
    await output.value(explanation)
    return 0
  }
  await output.line(printable(withLocalTimes(explanation.sentence)))
  if (!explanation.waiting) return 0
  const now = output.now()
  if (explanation.since !== undefined)
    await output.line(`waiting for ${formatDuration(now - explanation.since)}`)
  for (const { reason, kind, name, goesOnWhen, holders, limit, inUse } of explanation.blockers) {
    const use = limit === undefined ? '' : ` (${inUse ?? '?'} of ${limit} in use)`
    await output.line('')
    await output.line(printable(`${kind} ${name}${use}, reason ${reason}`))
    await output.line(printable(`  goes on when ${goesOnWhen}`))
    for (const { jobId: holder, since } of holders)
      await output.line(`  held by job ${printable(holder)} for ${formatDuration(now - since)}`)
  }
  return 0
}

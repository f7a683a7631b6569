import type { CallOptions, PlannedRun } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'

/** Options of `nb preview`. */
export interface PreviewOptions extends CallOptions {
  readonly policy: string
  /** Milliseconds since the epoch. */
  readonly from: number
  /** Milliseconds since the epoch. */
  readonly to: number
  /** The first so many; 0 is all. @default 100 */
  readonly limit?: number
}

/** `nb preview POLICY`: what would start in a span of time if every run succeeded at once. Rejects with `policy-unknown`. */
export async function previewCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { policy, from, to, limit = 100, ...call }: PreviewOptions,
  output: Output,
): Promise<ExitCode> {
  if (to <= from) throw new UsageError('the span ends before it begins; --to must be later than --from')
  const runs: PlannedRun[] = []
  let more = false
  for await (const run of scheduler.preview({ policy, from, to }, call)) {
    more = limit > 0 && runs.length === limit
    if (more) break
    runs.push(run)
  }
  if (output.json) for (const run of runs) await output.value(run)
  else if (runs.length === 0)
    output.note(`nothing of ${policy} starts between ${formatTime(from)} and ${formatTime(to)}`)
  else
    await output.table(runs, [
      { title: 'STARTS', value: (run) => formatTime(run.startsAt) },
      { title: 'WINDOW CLOSES', value: (run) => formatTime(run.closesAt) },
      { title: 'SCHEDULE', value: (run) => run.schedule, shrinks: true },
      { title: 'TYPE', value: (run) => run.scheduleType },
      { title: 'CLIENT', value: (run) => run.client, shrinks: true },
      ...(runs.some(({ stream }) => stream !== undefined)
        ? [{ title: 'STREAM', value: (run: PlannedRun) => run.stream, shrinks: true }]
        : []),
      { title: 'DUE', spare: 1, value: (run) => (run.dueAt <= 0 ? 'at once' : formatTime(run.dueAt)) },
    ])
  if (!output.json && (await scheduler.getPolicy({ name: policy }, call))?.active === false)
    output.note(`policy ${policy} is not active: nothing of it starts until nb policy activate ${policy}`)
  if (more) output.note(`more follows; --limit 0 shows all`)
  return 0
}

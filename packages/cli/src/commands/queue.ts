import type { CallOptions, QueuedRequest } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { blockerCell, blockerTitle } from '../blocker-text.ts'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { formatCounted, formatDuration } from '../units.ts'
import { given } from './each.ts'

/** Options of `nb queue`. */
export interface QueueOptions extends CallOptions {
  /** The first so many; 0 is all. @default 50 */
  readonly limit?: number
  /** A sentence for everything that each waits for, instead of the table. @default false */
  readonly reasons?: boolean
}

/** `nb queue`: the waiting requests in the order of service, how often each was passed by, and what it waits for. */
export async function queueCommand(
  { broker }: Pick<Ports, 'broker'>,
  { limit = 50, reasons = false, ...call }: QueueOptions,
  output: Output,
): Promise<ExitCode> {
  const waiting: QueuedRequest[] = []
  for await (const one of broker.queue(given('limit', limit === 0 ? undefined : limit), call))
    waiting.push(one)
  const now = output.now()
  if (output.json) for (const one of waiting) await output.value(one)
  else if (waiting.length === 0) output.note('nothing waits')
  else if (reasons)
    for (const [at, one] of waiting.entries())
      for (const line of sentences(one, at + 1, now)) await output.line(printable(line))
  else
    await output.table(
      [...waiting.entries()],
      [
        { title: '#', value: ([at]) => at + 1, align: 'right' },
        { title: 'JOB', value: ([, { request }]) => request.jobId, align: 'right' },
        { title: 'TYPE', spare: 2, value: ([, { request }]) => request.jobType },
        { title: 'PRIORITY', spare: 1, value: ([, { request }]) => request.priority, align: 'right' },
        { title: 'WAITING', value: ([, { since }]) => formatDuration(now - since), align: 'right' },
        { title: 'POLICY', value: ([, { request }]) => request.policy, shrinks: true },
        { title: 'CLIENT', value: ([, { request }]) => request.client, shrinks: true },
        { title: 'PASSED BY', spare: 3, value: ([, { passedBy }]) => passedBy, align: 'right' },
        { title: 'WAITS FOR', value: ([, { blockers }]) => blockerCell(blockers), shrinks: true },
      ],
    )
  return 0
}

function sentences(
  { request, since, passedBy, blockers }: QueuedRequest,
  place: number,
  now: number,
): string[] {
  const passed = passedBy === 0 ? '' : `, passed by ${formatCounted(passedBy, 'time')}`
  return [
    `${place}. job ${request.jobId} with priority ${request.priority} waits for ${formatDuration(now - since)}${passed}`,
    ...blockers.map((blocker) => `     ${blockerTitle(blocker)}: goes on when ${blocker.goesOnWhen}`),
  ]
}

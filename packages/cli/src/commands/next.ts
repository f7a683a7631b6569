import type { CallOptions, PolicyClientTask } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'
import { given } from './each.ts'

/** Options of `nb next`. */
export interface NextOptions extends CallOptions {
  /** @default all policies */
  readonly policy?: string
}

/** `nb next [POLICY]`: what runs next for each client (and stream) of the policies, soonest first, or why nothing does. */
export async function nextCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { policy, ...call }: NextOptions,
  output: Output,
): Promise<ExitCode> {
  const tasks: PolicyClientTask[] = []
  for await (const task of scheduler.tasks(given('policy', policy), call)) tasks.push(task)
  if (output.json) for (const task of tasks) await output.value(task)
  else if (tasks.length === 0) output.note('no policy starts anything')
  else {
    const streams = tasks.some(({ stream }) => stream !== undefined)
    await output.table([...tasks].sort(soonestFirst), [
      { title: 'STARTS', value: ({ next }) => next && formatTime(next.startsAt) },
      { title: 'WINDOW CLOSES', value: ({ next }) => next && formatTime(next.closesAt) },
      { title: 'POLICY', value: (task) => task.policy, shrinks: true },
      { title: 'CLIENT', value: (task) => task.client, shrinks: true },
      ...(streams
        ? [{ title: 'STREAM', value: (task: PolicyClientTask) => task.stream, shrinks: true }]
        : []),
      { title: 'SCHEDULE', value: ({ next }) => next?.schedule, shrinks: true },
      { title: 'STATE', value: (task) => task.state },
      { title: 'JOB', value: (task) => task.jobId, align: 'right' },
      { title: 'LAST', value: (task) => task.lastStatus, align: 'right' },
      { title: 'BECAUSE', value: (task) => task.reason, shrinks: true },
    ])
  }
  return 0
}

function soonestFirst(a: PolicyClientTask, b: PolicyClientTask): number {
  const at = ({ next }: PolicyClientTask): number => next?.startsAt ?? Number.MAX_SAFE_INTEGER
  return at(a) - at(b)
}

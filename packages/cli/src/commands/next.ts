import type { CallOptions, JobState, PolicyClientTask } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'
import { given } from './each.ts'
import { knownPolicy } from './policy-show.ts'

/** Options of `nb next`. */
export interface NextOptions extends CallOptions {
  /** @default all policies */
  readonly policy?: string
}

/** `nb next [POLICY]`: what runs next for each client (and stream) of the policies, soonest first, or why nothing does. Rejects with `policy-unknown`. */
export async function nextCommand(
  { scheduler, jobs }: Pick<Ports, 'scheduler' | 'jobs'>,
  { policy, ...call }: NextOptions,
  output: Output,
): Promise<ExitCode> {
  const tasks: PolicyClientTask[] = []
  for await (const task of scheduler.tasks(given('policy', policy), call)) tasks.push(task)
  if (policy !== undefined && tasks.length === 0) await knownPolicy(scheduler, policy, call)
  if (output.json) for (const task of tasks) await output.value(task)
  else if (tasks.length === 0) output.note('no policy starts anything')
  else {
    const states = tasks.some(({ jobId }) => jobId !== undefined)
      ? await jobStates({ jobs }, policy, call)
      : new Map<string, JobState>()
    const streams = tasks.some(({ stream }) => stream !== undefined)
    await output.table([...tasks].sort(soonestFirst), [
      { title: 'STARTS', value: ({ next }) => next && formatTime(next.startsAt) },
      { title: 'WINDOW CLOSES', spare: 1, value: ({ next }) => next && formatTime(next.closesAt) },
      { title: 'POLICY', value: (task) => task.policy, shrinks: true },
      { title: 'CLIENT', value: (task) => task.client, shrinks: true },
      ...(streams
        ? [{ title: 'STREAM', value: (task: PolicyClientTask) => task.stream, shrinks: true }]
        : []),
      { title: 'SCHEDULE', value: ({ next }) => next?.schedule, shrinks: true },
      { title: 'STATE', value: (task) => stateOf(task, states) },
      { title: 'JOB', spare: 3, value: (task) => task.jobId, align: 'right' },
      { title: 'LAST', spare: 2, value: (task) => task.lastStatus, align: 'right' },
      { title: 'BECAUSE', value: (task) => task.reason, shrinks: true },
    ])
  }
  return 0
}

const unended: readonly JobState[] = ['queued', 'active', 'waiting-for-retry', 'suspended', 'incomplete']

/** The states of the jobs that have not ended, by their ids. */
async function jobStates(
  { jobs }: Pick<Ports, 'jobs'>,
  policy: string | undefined,
  call: CallOptions,
): Promise<Map<string, JobState>> {
  const states = new Map<string, JobState>()
  for await (const { id, state } of jobs.list({ states: unended, ...given('policy', policy) }, call))
    states.set(id, state)
  return states
}

/** A task is running as long as it has a job; a person wants to know whether that one waits. */
function stateOf({ state, jobId }: PolicyClientTask, states: ReadonlyMap<string, JobState>): string {
  const ofJob = jobId === undefined ? undefined : states.get(jobId)
  return ofJob === undefined || ofJob === 'active' ? state : ofJob
}

function soonestFirst(a: PolicyClientTask, b: PolicyClientTask): number {
  const at = ({ next }: PolicyClientTask): number => next?.startsAt ?? Number.MAX_SAFE_INTEGER
  return at(a) - at(b)
}

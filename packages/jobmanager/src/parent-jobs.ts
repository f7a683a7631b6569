import { type JobProgress, type JobState, counted, describeStatus } from '@nb/contracts'
import type { ChildEnd, Ending, JobRecord } from './job-record.ts'

const byPrecedence: readonly JobState[] = ['active', 'queued', 'waiting-for-retry', 'incomplete', 'suspended']

/**
 * The state of a parent by its parts that are not done: active while one is, else queued while one is, else what else
 * they wait for. Done comes with its own ending, not from here: until then a parent with nothing left is active.
 */
export function parentState(children: readonly JobState[]): JobState {
  return byPrecedence.find((state) => children.includes(state)) ?? 'active'
}

/** Whether all parts are final. */
export function allEnded({ children = [], childEnds = {} }: JobRecord): boolean {
  return children.every(({ jobId }) => childEnds[jobId] !== undefined)
}

/** From best to worst; of equals the first part in order is told. */
function badness(status: number): number {
  const mild = [0, 1, 3, 4]
  const at = mild.indexOf(status)
  return at < 0 ? mild.length : at
}

/** The ending of a parent: the worst of its parts'. A cancel of the parent does not hide that all parts succeeded before. */
export function parentEnding({ children = [], childEnds = {} }: JobRecord): Ending {
  let worst: { readonly stream: string; readonly end: ChildEnd } | undefined
  let good = 0
  let warnings = 0
  for (const { stream, jobId } of children) {
    const end = childEnds[jobId]
    if (end === undefined) continue
    warnings += end.warnings
    if (end.status === 0) good += 1
    if (worst === undefined || badness(end.status) > badness(worst.end.status)) worst = { stream, end }
  }
  const { status, statusText } = worst?.end ?? { status: 0, statusText: '' }
  const all = counted(children.length, 'stream')
  const text =
    worst === undefined || status === 0
      ? `${all} ended with status ${describeStatus(0)}`
      : `${good} of ${all} succeeded; stream ${worst.stream} ended with status ${describeStatus(status)}: ${statusText}`
  return { status, statusText: text, warnings }
}

/** How far a parent is: its parts together. */
export function sumProgress(parts: readonly (JobProgress | ChildEnd | undefined)[]): JobProgress {
  return parts.reduce<JobProgress>(
    (sum, part) => ({ files: sum.files + (part?.files ?? 0), bytes: sum.bytes + (part?.bytes ?? 0) }),
    { files: 0, bytes: 0 },
  )
}

import { type JobManager, NbError } from '@nb/contracts'
import { type RunPart, type StreamState, type TaskRecord, type TaskRun, wholeClient } from './task-store.ts'

/** A part whose job is known. */
export type FollowedPart = RunPart & { readonly jobId: string }

/** A run whose jobs are known. */
export interface KnownRun extends TaskRun {
  readonly parts: readonly FollowedPart[]
}

/** A run with the jobs that the job manager named for it. */
export function withJobs(
  run: TaskRun,
  { jobId, children = [] }: Awaited<ReturnType<JobManager['submit']>>,
): KnownRun {
  const parts = run.parts.map((part): FollowedPart => {
    const own = children.find(({ stream }) => stream === part.stream)?.jobId
    if (part.stream !== undefined && own === undefined) {
      throw new NbError('internal', `job ${jobId} has no part for stream ${part.stream}`)
    }
    return { ...part, jobId: own ?? jobId }
  })
  return { ...run, parts }
}

/** What a task remembers once it knows more of a run. */
export function withRun(record: TaskRecord, known: TaskRun): TaskRecord {
  const runs = record.runs.map((other) => (other.requestId === known.requestId ? known : other))
  return { ...record, runs }
}

const noRuns: readonly TaskRun[] = []

/** What a task remembers once a part of a run has ended, and its stream has this state. */
export function withEnd(
  record: TaskRecord,
  run: Pick<TaskRun, 'requestId'>,
  part: RunPart,
  state: StreamState,
): TaskRecord {
  const runs = withoutPart(record.runs, run, part)
  return { ...record, runs, streams: withState(record.streams, part.stream ?? wholeClient, state) }
}

/** Runs without a part, or without its run where it was the last. */
function withoutPart(
  runs: readonly TaskRun[],
  { requestId }: Pick<TaskRun, 'requestId'>,
  { jobId }: RunPart,
): readonly TaskRun[] {
  const [only] = runs
  // As nearly always.
  if (runs.length === 1 && only?.requestId === requestId && only.parts.length === 1)
    return only.parts[0]?.jobId === jobId ? noRuns : runs
  return runs.flatMap((run) => {
    if (run.requestId !== requestId) return [run]
    const parts = run.parts.filter((other) => other.jobId !== jobId)
    return parts.length === 0 ? [] : [{ ...run, parts }]
  })
}

function withState(streams: TaskRecord['streams'], key: string, state: StreamState): TaskRecord['streams'] {
  for (const other in streams) if (other !== key) return { ...streams, [key]: state }
  return { [key]: state }
}

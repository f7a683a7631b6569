import { type RunPart, type StreamState, type TaskRecord, type TaskRun, wholeClient } from './task-store.ts'

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

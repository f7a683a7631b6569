import type { JobAttempt } from '@nb/contracts'
import type { JobRecord, Rest } from './job-record.ts'

/** How a try ended. */
export interface TryEnd {
  readonly endedAt: number
  readonly status: number
  readonly statusText: string
}

/** The present try of a job as {@link JobAttempt}, with its end where it has one. */
export function attemptOf(record: JobRecord, end?: TryEnd): JobAttempt {
  const { attempt, activeAt, mediaServer, storageUnit, progress } = record
  return {
    ...attempt,
    files: progress?.files ?? 0,
    bytes: progress?.bytes ?? 0,
    ...(activeAt === undefined ? {} : { activeAt }),
    ...(mediaServer === undefined ? {} : { mediaServer }),
    ...(storageUnit === undefined ? {} : { storageUnit }),
    ...(end === undefined ? {} : { endedAt: end.endedAt, status: end.status, statusText: end.statusText }),
  }
}

/** All tries of a job, first to last. */
export function attemptsOf(record: JobRecord): readonly JobAttempt[] {
  const { tries, attempt, phase, ending, endedAt } = record
  if (tries.at(-1)?.number === attempt.number) return tries
  const isOver = phase === 'final' && ending !== undefined && endedAt !== undefined
  return [...tries, attemptOf(record, isOver ? { ...ending, endedAt } : undefined)]
}

/** Whether a rest ends the present try: not when it was taken off the queue before it began. */
export function closesAttempt({ activeAt }: JobRecord, to: Rest['to']): boolean {
  return to !== 'suspended' || activeAt !== undefined
}

/** Which lines of the job's log belong to a try: from `first` to before `end`. */
export function linesOfAttempt(
  record: JobRecord,
  number: number,
): { readonly first: number; readonly end: number } | undefined {
  const all = attemptsOf(record)
  const index = all.findIndex((each) => each.number === number)
  const found = all[index]
  if (found === undefined) return undefined
  return { first: found.firstLine, end: all[index + 1]?.firstLine ?? Infinity }
}

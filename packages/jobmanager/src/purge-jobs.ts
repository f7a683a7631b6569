import type { JobRecord } from './job-record.ts'
import { linesAfter } from './store-keys.ts'
import type { JobSublevels } from './sublevels.ts'
import type { WriteOperation, WriteQueue } from './write-queue.ts'

/**
 * The jobs that are final and ended before a time, parts before their parents. The records come oldest first; what was
 * submitted at that time or later can't have ended before it, so the rest is not looked at.
 */
export async function jobsToPurge(
  records: AsyncIterable<JobRecord | undefined>,
  endedBefore: number,
): Promise<readonly JobRecord[]> {
  const found: JobRecord[] = []
  for await (const record of records) {
    if (record === undefined) continue
    if (record.submittedAt >= endedBefore) break
    if (record.phase === 'final' && (record.endedAt ?? Infinity) < endedBefore) found.push(record)
  }
  return found.reverse()
}

/** Removes a job with its log, where there may be one, and its request id unless that is its parent's. */
export async function removeJob(
  { jobs, specs, requests, lines }: JobSublevels,
  queue: WriteQueue,
  key: string,
  { id, requestId, parentId }: JobRecord,
  hasLines: boolean,
): Promise<void> {
  const lineKeys = hasLines ? await lines.keys(linesAfter(id, 0)).all() : []
  const removals: WriteOperation[] = [
    { type: 'del', sublevel: jobs, key },
    { type: 'del', sublevel: specs, key },
    ...lineKeys.map((line) => ({ type: 'del', sublevel: lines, key: line }) as const),
  ]
  if (parentId === undefined) removals.push({ type: 'del', sublevel: requests, key: requestId })
  await queue.write(removals)
}

import type { Store } from '@nb/contracts'
import type { Damage } from './damage.ts'
import type { JobRecord } from './job-record.ts'
import { jobKey, linesAfter } from './store-keys.ts'
import type { JobSublevels } from './sublevels.ts'
import type { WriteOperation, WriteQueue } from './write-queue.ts'

/** How many are looked at at once. */
const looksAtOnce = 100

/**
 * The records of all jobs, oldest first, so many at a time; `undefined` for one that can't be read. Those that are `known`
 * are not read.
 */
export async function* recordsOf(
  jobs: Store,
  damage: Damage,
  known: (key: string) => JobRecord | undefined,
): AsyncGenerator<readonly (JobRecord | undefined)[]> {
  const stored = async (key: string): Promise<JobRecord | undefined> => {
    const text = (await jobs.get(key)) as string | undefined
    return text === undefined ? undefined : damage.parse(key, text)
  }
  const keys = jobs.keys()
  try {
    for (;;) {
      const some: readonly string[] = await keys.nextv(looksAtOnce)
      if (some.length === 0) return
      const records: (JobRecord | undefined)[] = []
      for (const key of some) records.push(known(key) ?? (await stored(key)))
      yield records
    }
  } finally {
    await keys.close()
  }
}

/**
 * The jobs that are final and ended before a time, parts before their parents. The records come oldest first, many at a
 * time; what was submitted at that time or later can't have ended before it, so the rest is not looked at.
 */
export async function jobsToPurge(
  records: AsyncIterable<readonly (JobRecord | undefined)[]>,
  endedBefore: number,
): Promise<readonly JobRecord[]> {
  const found: JobRecord[] = []
  for await (const some of records) {
    for (const record of some) {
      if (record === undefined) continue
      if (record.submittedAt >= endedBefore) return found.reverse()
      if (record.phase === 'final' && (record.endedAt ?? Infinity) < endedBefore) found.push(record)
    }
  }
  return found.reverse()
}

/** Removals after which a write is made: jobs have few lines, mostly. */
const atOnce = 500

/**
 * Removes jobs with their logs, where there may be some, and their request ids unless those are their parents'. A write
 * removes many; each job goes as a whole. Yields what each write removed.
 */
export async function* removeJobs(
  { jobs, specs, requests, lines }: JobSublevels,
  queue: WriteQueue,
  old: readonly JobRecord[],
  hasLines: boolean,
): AsyncGenerator<readonly JobRecord[]> {
  let removals: WriteOperation[] = []
  let gone: JobRecord[] = []
  for (const [index, record] of old.entries()) {
    const { id, requestId, parentId } = record
    const key = jobKey(id)
    removals.push({ type: 'del', sublevel: jobs, key }, { type: 'del', sublevel: specs, key })
    if (parentId === undefined) removals.push({ type: 'del', sublevel: requests, key: requestId })
    for (const line of hasLines ? await lines.keys(linesAfter(id, 0)).all() : [])
      removals.push({ type: 'del', sublevel: lines, key: line })
    gone.push(record)
    if (removals.length < atOnce && index < old.length - 1) continue
    await queue.write(removals)
    yield gone
    removals = []
    gone = []
  }
}

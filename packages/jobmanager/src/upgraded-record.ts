import type { JobRecord } from './job-record.ts'

/** What records of the time before there were tries lack, or say elsewhere. */
type Later = Pick<JobRecord, 'attempt' | 'tries' | 'queueings' | 'schedule' | 'scheduleType'>

/**
 * A stored record in the present form. The first form knew no tries: such a job is in its first, and had been queued once; its schedule
 * was told only with what was asked for. A record that lacks but some of it is no such record, and is left for whoever finds the damage.
 */
export function upgradedRecord<Written extends Partial<Omit<JobRecord, 'mediaRequests' | 'sessionHoldings'>>>(
  written: Written,
): Written & Partial<Later> {
  const { attempt, tries, queueings, submittedAt, backup } = written
  const isFirstForm = attempt === undefined && tries === undefined && queueings === undefined
  if (!isFirstForm || typeof submittedAt !== 'number') return written
  const { name, type } = backup?.schedule ?? {}
  return {
    ...written,
    attempt: { number: 1, startedAt: submittedAt, firstLine: 1 },
    tries: [],
    queueings: 1,
    ...(name === undefined ? {} : { schedule: name }),
    ...(type === undefined ? {} : { scheduleType: type }),
  }
}

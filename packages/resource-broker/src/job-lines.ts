import {
  type Allocation,
  type Blocker,
  counted,
  type JobLog,
  type JobLogLine,
  type Logger,
  type ResourceRequest,
} from '@nb/contracts'
import type { LeaseRecord } from './lease-store.ts'
import { flowOf } from './request.ts'
import { describeAllocation, describeNeed, mostToldReasons, waitingSentence } from './sentence.ts'
import type { Passing } from './turns.ts'

/** Why resources came back. */
export type ReleaseReason = 'released' | 'expired' | 'reconciled'

/** What a passing by means. */
export interface PassedBy {
  /** Why the lower one could be served, as the end of "because it …". */
  readonly because: string
  /** Whether it has come often enough for the higher one to have its turn now. */
  readonly turn: boolean
}

/** The resource broker's traces in the logs of jobs. */
export interface JobLines {
  /** Backup step 4. */
  requesting(request: ResourceRequest, time: number): void
  /** Asks for the blockers only when there is a log to tell them to. */
  waiting(request: ResourceRequest, since: number, blockers: () => readonly Blocker[], time: number): void
  /** Another priority while it waits. */
  priority(request: ResourceRequest, priority: number, time: number): void
  /** In the logs of both: who was served before whom, from where, and why. */
  passedBy(passing: Passing, allocation: Allocation, told: PassedBy, time: number): void
  /** Restore step 11. */
  granted(lease: LeaseRecord, time: number): void
  /** Step 16 of both flows. */
  released(lease: LeaseRecord, reason: ReleaseReason, time: number): void
}

/** Leaves traces in a job log. A log that can't be reached fails no job. */
export function jobLines(log: JobLog | undefined, logger: Logger): JobLines {
  if (log === undefined) return noLines
  const append = (
    request: ResourceRequest,
    line: Pick<JobLogLine, 'time' | 'text' | 'data'> & Partial<JobLogLine>,
    steps: { readonly backup?: number; readonly restore?: number } = {},
  ): void => {
    const flow = flowOf(request)
    const number = flow === undefined ? undefined : steps[flow]
    const step = flow === undefined || number === undefined ? {} : { step: { flow, number } }
    const whole: JobLogLine = { component: 'resource-broker', severity: 'info', ...step, ...line }
    log.append({ jobId: request.jobId, lines: [whole] }).catch((error: unknown) => {
      logger.error('job %s: its log did not take a line: %o', request.jobId, error)
    })
  }
  return {
    requesting: (request, time) =>
      append(
        request,
        { time, text: `requesting physical resources: ${describeNeed(request.need)}` },
        { backup: 4 },
      ),
    waiting: (request, since, blockersOf, time) => {
      const blockers = blockersOf()
      const told = blockers.slice(0, mostToldReasons)
      const reasons = told.map(({ kind, name, reason }) => ({ kind, name, reason }))
      append(request, { time, text: waitingSentence(request.jobId, since, blockers), data: { reasons } })
    },
    priority: (request, priority, time) =>
      append(request, {
        time,
        text: `priority changed from ${request.priority} to ${priority} while queued`,
      }),
    passedBy: ({ passed, by }, { storageUnit }, { because, turn }, time) => {
      const { jobId } = passed.request
      const byJobId = by.request.jobId
      const times = passed.passedBy
      const data = { passed: jobId, by: byJobId, storageUnit, times }
      append(passed.request, {
        time,
        text:
          `job ${byJobId} of lower rank was served first from storage unit ${storageUnit}, because it ${because}; ` +
          `job ${jobId} has been passed by ${counted(times, 'time')}` +
          (turn
            ? `; it has its turn now: until it is served, none of lower rank gets what it waits for`
            : ''),
        data,
      })
      append(by.request, {
        time,
        text: `served before job ${jobId} of higher rank from storage unit ${storageUnit}, because it ${because}`,
        data,
      })
    },
    granted: ({ request, leaseId, allocation }, time) =>
      append(
        request,
        { time, text: `granted ${describeAllocation(allocation)}`, data: { leaseId } },
        { restore: 11 },
      ),
    released: ({ request, leaseId, allocation }, reason, time) => {
      const severity = reason === 'released' ? 'info' : 'warning'
      const text = `${how[reason]} ${describeAllocation(allocation)}`
      append(request, { time, severity, text, data: { leaseId } }, { backup: 16, restore: 16 })
    },
  }
}

const nothing = (): void => undefined

/** Not even the texts are made. */
const noLines: JobLines = {
  requesting: nothing,
  waiting: nothing,
  priority: nothing,
  passedBy: nothing,
  granted: nothing,
  released: nothing,
}

const how: Readonly<Record<ReleaseReason, string>> = {
  released: 'de-allocated',
  expired: 'the lease was not renewed in time; de-allocated',
  reconciled: 'broker and media manager differed; de-allocated',
}

import type { Allocation, JobLog, JobLogLine, Logger } from '@nb/contracts'
import type { Held } from './held.ts'

/** Leaves the media manager's traces in the logs of jobs. A log that can't be reached fails no job. */
export function jobLines(log: JobLog | undefined, logger: Logger): JobLines {
  if (log === undefined) return noLines
  const append = (jobId: string, line: Omit<JobLogLine, 'component' | 'severity'>): void => {
    log
      .append({ jobId, lines: [{ component: 'emm', severity: 'info', ...line }] })
      .catch((error: unknown) => logger.error('job %s: its log did not take a line: %o', jobId, error))
  }
  return {
    allocated: ({ allocation, flow }, time) => {
      const step = flow === undefined ? {} : { step: { flow, number: flow === 'backup' ? 5 : 10 } }
      const data = { allocationId: allocation.allocationId, storageUnit: allocation.storageUnit }
      append(allocation.jobId, { time, ...step, text: `allocated ${describe(allocation)}`, data })
    },
    released: ({ allocation }, time) =>
      append(allocation.jobId, { time, text: `de-allocated ${describe(allocation)}` }),
  }
}

/** The lines of the media manager. */
export interface JobLines {
  /** Backup step 5, restore step 10. */
  allocated(held: Held, time: number): void
  released(held: Held, time: number): void
}

const nothing = (): void => undefined

/** Not even the texts are made. */
const noLines: JobLines = { allocated: nothing, released: nothing }

function describe({ storageUnit, mediaServer, medium }: Allocation): string {
  const unit = `storage unit ${storageUnit} on media server ${mediaServer}`
  if (medium.kind === 'disk') return unit
  const shared = medium.multiplex === undefined ? '' : `, shared by up to ${medium.multiplex.most} jobs`
  return `drive ${medium.drive} and volume ${medium.volumeId} of pool ${medium.volumePool} for ${unit}${shared}`
}

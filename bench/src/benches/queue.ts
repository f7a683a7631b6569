import { fileURLToPath } from 'node:url'
import type { Bench } from '../bench.ts'
import { runToEnd } from '../measured-process.ts'
import type { Figure } from '../rows.ts'
import { siteDrives } from '../queue-site.ts'

/** What `queue-run.ts` tells of itself. Times are of the processor, garbage collection included. */
export interface QueueRun {
  /** Jobs that waited. */
  readonly queued: number
  /** Microseconds for a job to be submitted and queued. */
  readonly submitUs: number
  /** Microseconds for a release, until it is durable. */
  readonly finishUs: number
  /** Microseconds after a release for each job granted, until everybody is served who can be. */
  readonly grantUs: number
  readonly grants: number
  readonly cycles: number
  /** Heap of the broker and all under it, by the difference, for each job that waits. */
  readonly bytesPerJob: number
  readonly explainMedianMs: number
  readonly explainP99Ms: number
}

const program = fileURLToPath(new URL('../queue-run.ts', import.meta.url))

/** What a job costs at the resource broker, however long the queue is. */
export const queue: Bench = {
  name: 'queue',
  about: `up to a million queued jobs at the broker and the media manager with ${siteDrives} drives`,
  run: async ({ quick, tell }) => {
    const sizes = quick ? [2_000, 10_000, 50_000] : [10_000, 100_000, 1_000_000]
    const cycles = quick ? 500 : 5_000
    const runs: QueueRun[] = []
    for (const size of sizes) {
      const command = ['--expose-gc', '--max-old-space-size=8192', ...process.execArgv, program]
      const run = JSON.parse(
        await runToEnd(process.execPath, [...command, `${size}`, `${cycles}`]),
      ) as QueueRun
      tell(
        `  ${size} queued: submit ${us(run.submitUs)}, grant ${us(run.grantUs)}, finish ${us(run.finishUs)}, ` +
          `${Math.round(run.bytesPerJob)} bytes and ${run.grants} grants in ${run.cycles} finishes`,
      )
      runs.push(run)
    }
    return runs.flatMap((run) => figuresOf(run, runs[0] ?? run))
  },
}

const us = (value: number): string => `${value.toFixed(1)} µs`

function figuresOf(run: QueueRun, shortest: QueueRun): readonly Figure[] {
  const name = `${run.queued.toLocaleString('en')} queued`
  const curve = (metric: string, pick: (of: QueueRun) => number): Figure => ({
    case: name,
    metric,
    value: pick(run),
    unit: 'µs',
    ...(run === shortest
      ? {}
      : {
          peer: { name: `${shortest.queued.toLocaleString('en')} queued`, value: pick(shortest) },
          goal: { of: 'ratio', atMost: 2 },
        }),
  })
  return [
    curve('submit, each', (of) => of.submitUs),
    curve('grant, each', (of) => of.grantUs),
    curve('finish, each', (of) => of.finishUs),
    {
      case: name,
      metric: 'memory, each',
      value: run.bytesPerJob,
      unit: 'B',
      goal: { of: 'value', atMost: 1024 },
    },
    {
      case: name,
      metric: 'explain, median',
      value: run.explainMedianMs,
      unit: 'ms',
      goal: { of: 'value', atMost: 1 },
    },
    {
      case: name,
      metric: 'explain, p99',
      value: run.explainP99Ms,
      unit: 'ms',
      goal: { of: 'value', atMost: 1 },
    },
  ]
}

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from '../bench.ts'
import { median } from '../median.ts'
import { runMeasured } from '../measured-process.ts'
import { nodeFlags } from '../own-run.ts'
import type { Figure } from '../rows.ts'
import { ensureTool, tools } from '../tools.ts'

/** What `jobs-run.ts` tells of itself. */
export interface JobsRun {
  /** From the first submission to the last true end. */
  readonly wallMs: number
  /** User and system time of all threads meanwhile. */
  readonly cpuMs: number
  readonly jobs: number
}

/**
 * Bacula 9.6.7 with PostgreSQL, 1,000 jobs of one file each, 20 at once, on a machine with two cores as this: 83 s of wall
 * time and 44 s of processor time. Measured once; it is not run here.
 */
const bacula = { name: 'Bacula, measured once', jobsPerSecond: 12, cpuMsPerJob: 44 }

const program = fileURLToPath(new URL('../jobs-run.ts', import.meta.url))

/** Backups of one file each: what a job costs beside its data. */
export const jobs: Bench = {
  name: 'jobs',
  about: 'tiny backups, one file each and 20 at once, end to end with all writes durable',
  run: async ({ quick, workDirectory, tell }) => {
    if (!(await ensureTool(tools.time, tell))) return []
    const source = join(workDirectory, 'source')
    mkdirSync(source)
    for (let index = 0; index < 100; index++)
      writeFileSync(join(source, `file-${index}`), `content ${index}\n`)
    const atOnce = 20
    const count = quick ? 100 : 1000
    const rounds = quick ? 1 : 3
    const runs: (JobsRun & { readonly peakBytes: number })[] = []
    for (let round = 1; round <= rounds; round++) {
      const state = join(workDirectory, 'state')
      const command = [
        process.execPath,
        ...nodeFlags,
        ...process.execArgv,
        program,
        state,
        source,
        `${count}`,
        `${atOnce}`,
      ]
      const { output, peakBytes } = await runMeasured(command as [string, ...string[]])
      rmSync(state, { recursive: true })
      const run = { ...(JSON.parse(output) as JobsRun), peakBytes }
      tell(`  round ${round}: ${count} jobs in ${(run.wallMs / 1000).toFixed(1)} s`)
      runs.push(run)
    }
    return figuresOf(runs, `${count} jobs, ${atOnce} at once`)
  },
}

function figuresOf(
  runs: readonly (JobsRun & { readonly peakBytes: number })[],
  name: string,
): readonly Figure[] {
  const middle = (pick: (run: JobsRun & { readonly peakBytes: number }) => number): number =>
    median(runs.map(pick))
  return [
    {
      case: name,
      metric: 'jobs per second',
      value: middle((run) => (run.jobs * 1000) / run.wallMs),
      unit: '/s',
      peer: { name: bacula.name, value: bacula.jobsPerSecond },
      goal: { of: 'ratio', atLeast: 1 },
    },
    {
      case: name,
      metric: 'processor time per job',
      value: middle((run) => run.cpuMs / run.jobs),
      unit: 'ms',
      peer: { name: bacula.name, value: bacula.cpuMsPerJob },
      goal: { of: 'ratio', atMost: 1 },
    },
    { case: name, metric: 'peak memory', value: middle((run) => run.peakBytes / 1024 ** 2), unit: 'MiB' },
  ]
}

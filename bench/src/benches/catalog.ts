import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from '../bench.ts'
import type { FindRun, IntakeRun, QuestionsRun } from '../catalog-run.ts'
import { median } from '../median.ts'
import { runMeasured } from '../measured-process.ts'
import type { Figure, Goal } from '../rows.ts'
import { ensureTool, tools } from '../tools.ts'

const program = fileURLToPath(new URL('../catalog-run.ts', import.meta.url))
/** Where a real tree is that every machine has. */
const realTree = '/usr'

/** The catalog with big images and many, on a disk; every part in a process of its own. */
export const catalog: Bench = {
  name: 'catalog',
  about: `an image of 5,000,000 entries, and 365 images of one client, in the catalog itself`,
  run: async ({ quick, workDirectory, tell }) => {
    if (!(await ensureTool(tools.time, tell))) return []
    const images = quick ? 30 : 365
    const entries = quick ? 210_000 : 5_000_000
    const ofEach = quick ? 2_000 : 200_000
    const run = async <Answer>(
      task: string,
      folder: string,
      ...args: (string | number)[]
    ): Promise<Answer & Peak> => {
      mkdirSync(join(workDirectory, folder), { recursive: true })
      const command = [
        process.execPath,
        ...process.execArgv,
        program,
        task,
        join(workDirectory, folder),
        ...args.map(String),
      ]
      const { output, peakBytes } = await runMeasured(command as [string, ...string[]])
      return { ...(JSON.parse(output) as Answer), peakBytes }
    }
    const real = await run<IntakeRun>('real', 'real', realTree)
    tell(`  ${realTree}: ${real.entries} entries, ${(real.bytes / real.entries).toFixed(1)} bytes each`)
    const big = await run<IntakeRun>('in', 'big', entries)
    tell(`  ${entries} entries in, in ${(big.wallMs / 1000).toFixed(1)} s`)
    const browse = await run<QuestionsRun>('browse', 'big', entries, quick ? 5 : 40, quick ? 200 : 5000)
    tell(`  ${browse.warm.length + browse.cold.length} directories listed`)
    const find = await run<{ readonly runs: readonly FindRun[] }>('find', 'big', quick ? 1 : 5)
    await rm(join(workDirectory, 'big'), { recursive: true })
    const history = await run<IntakeRun>('history', 'history', ofEach, images)
    tell(`  ${images} images of ${ofEach} entries in, in ${(history.wallMs / 1000).toFixed(1)} s`)
    const versions = await run<QuestionsRun>('versions', 'history', ofEach, quick ? 1 : 3, quick ? 20 : 400)
    const all = `${images} images of ${count(ofEach)}`
    const one = `an image of ${count(entries)}`
    return [
      bytesOf(`${realTree}, ${count(real.entries)} entries`, real),
      bytesOf(one, big),
      figure(one, 'entries in, checked and indexed', 'entries/s', perSecond(big), {
        of: 'value',
        atLeast: 400_000,
      }),
      figure(one, 'peak memory of taking it in', 'MiB', big.peakBytes / 2 ** 20),
      figure(one, 'list a directory, cold, p99', 'ms', quantile(browse.cold, 0.99), atMost(5)),
      figure(one, 'list a directory, cold, median', 'ms', median(browse.cold)),
      figure(one, 'list a directory, warm, p99', 'ms', quantile(browse.warm, 0.99), atMost(5)),
      figure(one, 'list a directory, warm, median', 'ms', median(browse.warm)),
      ...(['glob', 'regex'] as const).map((by) =>
        figure(
          one,
          `find by ${by}`,
          'entries/s',
          median(find.runs.filter((each) => each.by === by).map(perSecond)),
          {
            of: 'value',
            atLeast: 4_000_000,
          },
        ),
      ),
      figure(one, 'peak memory of finding', 'MiB', find.peakBytes / 2 ** 20),
      figure(all, 'entries in, checked and indexed', 'entries/s', perSecond(history)),
      figure(all, 'versions of a path, cold, median', 'ms', median(versions.cold)),
      figure(all, 'versions of a path, warm, median', 'ms', median(versions.warm), atMost(10)),
      figure(all, 'versions of a path, warm, p99', 'ms', quantile(versions.warm, 0.99)),
      figure(all, 'versions of a path, processor time', 'ms', versions.warmCpuMs / versions.warm.length),
      figure(all, 'peak memory of versions', 'MiB', versions.peakBytes / 2 ** 20),
    ]
  },
}

interface Peak {
  readonly peakBytes: number
}

function bytesOf(name: string, { bytes, entries }: IntakeRun): Figure {
  return figure(name, 'list and index at rest', 'bytes/entry', bytes / entries, atMost(36))
}

function figure(name: string, metric: string, unit: string, value: number, goal?: Goal): Figure {
  return { case: name, metric, unit, value, ...(goal === undefined ? {} : { goal }) }
}

function atMost(most: number): Goal {
  return { of: 'value', atMost: most }
}

function perSecond({ entries, wallMs }: { readonly entries: number; readonly wallMs: number }): number {
  return (entries * 1000) / wallMs
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

function count(entries: number): string {
  return entries.toLocaleString('en-US')
}

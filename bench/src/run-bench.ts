import { cpus } from 'node:os'
import type { Bench, BenchSize } from './bench.ts'
import { explainFailure } from './failures.ts'
import { leftovers } from './leftovers/leftovers.ts'
import { type Row, toRow } from './rows.ts'

/** How a bench is run. */
export interface RunOptions extends BenchSize {
  readonly tell: (line: string) => void
}

/** Runs a bench in a working folder of its own; its rows, judged unless the run was too small for that. What it leaves is taken away, also when it fails. */
export async function runBench(bench: Bench, options: RunOptions): Promise<readonly Row[]> {
  const workDirectory = leftovers.folder(bench.name)
  try {
    const figures = await bench.run({ ...options, workDirectory })
    return figures.map((figure) => toRow(bench.name, figure, !options.quick))
  } catch (error) {
    throw explainFailure(error, workDirectory)
  } finally {
    await leftovers.clear()
  }
}

/** What the figures were measured on. */
export function describeMachine(): string {
  const [first] = cpus()
  return `Node ${process.version}, ${cpus().length} processors (${first?.model.trim() ?? 'unknown'}), ${process.platform}`
}

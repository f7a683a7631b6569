import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { type Row, toRow } from './rows.ts'

/** How a bench is run. */
export interface RunOptions {
  /** Little data, few runs, no goal judged. */
  readonly quick: boolean
  /** Folder on a disk below which a working folder is made, and removed at the end. @default the folder for temporary files */
  readonly workDirectory?: string | undefined
  /** The most files of a curve over their number. @default the bench's own */
  readonly mostFiles?: number | undefined
  /** The only part of the bench that is wanted. @default all */
  readonly part?: string | undefined
  readonly tell: (line: string) => void
}

/** Runs a bench in a working folder of its own; its rows, judged unless the run was too small for that. */
export async function runBench(bench: Bench, options: RunOptions): Promise<readonly Row[]> {
  const { quick, tell, mostFiles, part, workDirectory = tmpdir() } = options
  mkdirSync(workDirectory, { recursive: true })
  const own = mkdtempSync(join(workDirectory, `nb-bench-${bench.name}-`))
  try {
    const figures = await bench.run({
      quick,
      tell,
      workDirectory: own,
      ...(mostFiles === undefined ? {} : { mostFiles }),
      ...(part === undefined ? {} : { part }),
    })
    return figures.map((figure) => toRow(bench.name, figure, !quick))
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

/** What the figures were measured on. */
export function describeMachine(): string {
  const [first] = cpus()
  return `Node ${process.version}, ${cpus().length} processors (${first?.model.trim() ?? 'unknown'}), ${process.platform}`
}

import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Measurement } from './alternate.ts'
import { runMeasured } from './measured-process.ts'

/** What a run of the real flow tells of itself. */
export interface OwnRun {
  /** From the submission of the job to its true end: durable, catalogued, browsable, resources given back. */
  readonly wallMs: number
  /** User and system time of all threads meanwhile. */
  readonly cpuMs: number
  readonly files: number
  readonly bytes: number
  readonly warnings: number
  readonly backupId: string
}

const program = fileURLToPath(new URL('./all-in-one-run.ts', import.meta.url))

/** Backs a folder up with a server of its own, whose state is new; the peak is that of the whole process. */
export async function ownBackup(state: string, source: string): Promise<OwnRun & Measurement> {
  rmSync(state, { recursive: true, force: true })
  return ownRun(['backup', state, source])
}

/** As {@link ownBackup}, compressed with zstd and with a digest for each file. */
export function ownCompressedBackup(state: string, source: string): Promise<OwnRun & Measurement> {
  rmSync(state, { recursive: true, force: true })
  return ownRun(['compressed', state, source])
}

/** Backs a folder up with the server whose state {@link ownBackup} has left, compared with its last backup. */
export function ownIncremental(state: string, source: string): Promise<OwnRun & Measurement> {
  return ownRun(['incremental', state, source])
}

/** Restores what {@link ownBackup} has backed up to a new folder. */
export function ownRestore(
  state: string,
  source: string,
  backupId: string,
  target: string,
): Promise<OwnRun & Measurement> {
  return ownRun(['restore', state, source, backupId, target])
}

/** Restores one file of what {@link ownBackup} has backed up, by a server that has just restored it once before. */
export function ownRestoreOfOne(
  state: string,
  source: string,
  backupId: string,
  target: string,
  file: string,
): Promise<OwnRun & Measurement> {
  return ownRun(['restore', state, source, backupId, target, file])
}

/** Verifies what {@link ownBackup} has backed up, again and again: the peak is that of a server which has verified it eight times. */
export function ownVerifications(
  state: string,
  source: string,
  backupId: string,
): Promise<OwnRun & Measurement> {
  return ownRun(['verify', state, source, backupId])
}

/** What `npm start` gives Node as well. */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=4']

async function ownRun(args: readonly string[]): Promise<OwnRun & Measurement> {
  const { output, peakBytes } = await runMeasured([
    process.execPath,
    ...nodeFlags,
    ...process.execArgv,
    program,
    ...args,
  ])
  return { ...(JSON.parse(output) as OwnRun), peakBytes }
}

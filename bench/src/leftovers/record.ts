import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { type OwnProcess, type ProcessIdentity, identify, isRunning } from './processes.ts'

/** What a run has made and not yet taken away. */
export interface RunRecord {
  /** The run itself. */
  readonly run: ProcessIdentity
  /** Where the number of the run means something: a container has numbers of its own. */
  readonly namespace: string
  readonly folders: readonly string[]
  readonly processes: readonly OwnProcess[]
}

/** The record of a run that was killed. */
export interface DeadRun {
  readonly file: string
  readonly record: RunRecord
}

/** How every folder of ours begins; what a record names otherwise is not removed. */
export const folderPrefix = 'nb-bench-'

const recordName = /^nb-bench-run-\d+\.json$/

/** The file of this run's record. */
export function recordFile(workDirectory: string): string {
  return join(workDirectory, `nb-bench-run-${process.pid}.json`)
}

/** Writes the record of this run, whole or not at all. */
export function writeRecord(
  file: string,
  { folders, processes }: Pick<RunRecord, 'folders' | 'processes'>,
): void {
  const run = identify(process.pid) ?? { pid: process.pid, start: '' }
  const record: RunRecord = { run, namespace: ownNamespace(), folders, processes }
  writeFileSync(`${file}.new`, JSON.stringify(record), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/** Runs of this user that have left a record in the folder and do not live any more. */
export function deadRuns(workDirectory: string): readonly DeadRun[] {
  return readdirSync(workDirectory)
    .filter((name) => recordName.test(name))
    .flatMap((name) => {
      const file = join(workDirectory, name)
      const record = readRecord(file)
      if (record === undefined || record.namespace !== ownNamespace() || isRunning(record.run)) return []
      return [{ file, record }]
    })
}

/** Forgets a record. */
export function removeRecord(file: string): void {
  for (const each of [file, `${file}.new`]) rmSync(each, { force: true })
}

/** Of this user alone: others could name, in a folder that all may write to, what is not theirs. */
function readRecord(file: string): RunRecord | undefined {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    // Gone meanwhile, of another user, or a link.
    if (['ENOENT', 'EACCES', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  try {
    const stat = fstatSync(fd)
    if (stat.uid !== process.geteuid?.() || !stat.isFile()) return undefined
    const record = JSON.parse(readFileSync(fd, 'utf8')) as RunRecord
    return { ...record, folders: record.folders.filter((path) => basename(path).startsWith(folderPrefix)) }
  } finally {
    closeSync(fd)
  }
}

function ownNamespace(): string {
  return readlinkSync('/proc/self/ns/pid')
}

import { readFile, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, counted, displayPath, type JobLog, type Logger, pathFromBytes } from '@nb/contracts'
import { loadPosix } from '../posix/posix.ts'
import { type FoundNote, readRestoreNote } from './extractor/restore-note.ts'
import { type Sweep, sweepLeftovers } from './extractor/sweep-leftovers.ts'
import { JobLines } from './job-lines.ts'

/** What the notes of an agent's restores work with. */
export interface RestoreNotesParts {
  readonly log: JobLog
  readonly clock: Clock
  readonly logger: Logger
}

const SUFFIX = '.note'

/**
 * The folder of notes about restores under way. A note whose run is over is swept: what that run was making is removed, its job's
 * log says so, and the note goes. This is tried once; what could not be removed is named in the log with a way to find it.
 */
export class RestoreNotes {
  readonly #directory: string
  readonly #parts: RestoreNotesParts

  constructor(directory: string, parts: RestoreNotesParts) {
    this.#directory = directory
    this.#parts = parts
  }

  /** Where a run notes what it makes. */
  pathOf(runId: string): string {
    return join(this.#directory, `${runId}${SUFFIX}`)
  }

  /** Sweeps what an earlier life of the agent has left. Runs that live keep their notes. Never rejects. */
  async sweepAll(lives: (runId: string) => boolean): Promise<void> {
    for (const name of await this.#names()) {
      if (name.endsWith(SUFFIX) && !lives(name.slice(0, -SUFFIX.length))) await this.#sweep(name)
    }
  }

  /** Sweeps after a run that is over, where it has left its note. Never rejects. */
  async sweep(runId: string): Promise<void> {
    await this.#sweep(`${runId}${SUFFIX}`)
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory)
    } catch (error) {
      if (!isMissing(error)) this.#parts.logger.error('notes of restores could not be listed: %o', error)
      return []
    }
  }

  async #sweep(name: string): Promise<void> {
    const { logger } = this.#parts
    const path = join(this.#directory, name)
    try {
      const note = readRestoreNote(await readFile(path, 'utf8'))
      if (note !== undefined) await this.#tell(note, sweepOf(note))
      await unlink(path)
    } catch (error) {
      if (!isMissing(error)) logger.error('the note %s could not be swept: %o', path, error)
    }
  }

  async #tell(note: FoundNote, { removed, failures }: Sweep): Promise<void> {
    const lines = new JobLines(this.#parts, { jobId: note.jobId, limit: 0 })
    const root = displayPath(pathFromBytes(note.root))
    const names = removed.map((path) => `${root}${displayPath(pathFromBytes(path))}`).join(', ')
    lines.info(
      removed.length === 0
        ? 'the restore was ended in its midst; it left no unfinished file'
        : `the restore was ended in its midst; removed ${counted(removed.length, 'unfinished file')}: ${names}`,
    )
    for (const { message } of failures) {
      const text = `unfinished files of the restore may be left (${message}); find ${root} -name '${note.prefix}*' -o -type f -perm 1200 shows them`
      lines.line('warning', text)
    }
    await lines.finish()
  }
}

function sweepOf(note: FoundNote): Sweep {
  const posix = loadPosix()
  if (typeof posix !== 'string') return sweepLeftovers(posix, note)
  return { removed: [], failures: [new Error(posix)] }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { NbError } from '@nb/contracts'
import { TEMPORARY_PREFIX } from './temporary-name.ts'

/** What a note says of a run that puts restored entries in place. */
export interface RestoreNoteFacts {
  readonly jobId: string
  /** Absolute path of the restore's root, raw bytes. */
  readonly root: Buffer
  /** What the names of this run's temporary entries begin with; no other run has the same. */
  readonly prefix: string
}

/** A note that was found. */
export interface FoundNote extends RestoreNoteFacts {
  /** Directories that the run last worked in, below the root, `/` in front: the only ones where it can have left something. */
  readonly directories: readonly Buffer[]
}

/** Beyond this length a note begins anew with the present directory. */
const MOST_BYTES = 64 * 1024

/**
 * A note of a run, on the disk while the run lives, so that what it was making when it was killed is found.
 *
 * Format: lines of JSON, each ended by a newline, paths as strings of one character for each byte. First
 * `{"note":"nb-restore","version":1,"jobId":…,"root":…,"prefix":…}`, synced; then a string for each directory, written before
 * anything is made in it and not synced, since it is there for kills, not for lost power. What follows the last newline was
 * not written to its end, so nothing was made there.
 */
export class RestoreNote {
  readonly #path: string
  readonly #fd: number
  readonly #headBytes: number
  #position = 0
  #present: Buffer | undefined
  #isClosed = false

  /** Begins a note. Throws the error of the system call when it can't. */
  constructor(path: string, { jobId, root, prefix }: RestoreNoteFacts) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    this.#path = path
    this.#fd = openSync(path, 'wx', 0o600)
    const head = { note: 'nb-restore', version: 1, jobId, root: root.toString('latin1'), prefix }
    this.#write(head)
    this.#headBytes = this.#position
    fsyncSync(this.#fd)
  }

  /** Whether the next directory takes the place of all before it, where nothing may be unfinished any more by then. */
  get isFull(): boolean {
    return this.#position > MOST_BYTES
  }

  /** Notes that entries are made in a directory from now on, and in no other any more. */
  enter(directory: Buffer): void {
    if (this.#isClosed || this.#present?.equals(directory) === true) return
    if (this.isFull) {
      ftruncateSync(this.#fd, this.#headBytes)
      this.#position = this.#headBytes
    }
    this.#write(directory.toString('latin1'))
    this.#present = Buffer.from(directory)
  }

  /** Ends the note of a run that has left nothing. Idempotent. */
  remove(): void {
    if (this.#isClosed) return
    this.close()
    unlinkSync(this.#path)
  }

  /** Leaves it to the sweep. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSync(this.#fd)
  }

  #write(value: unknown): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`)
    const written = writeSync(this.#fd, line, 0, line.length, this.#position)
    if (written < line.length) throw new NbError('disk-full', 'The note of the restore has no room.')
    this.#position += written
  }
}

/** Reads a note. `undefined`: it was killed before its first line was whole, when nothing had been made. Throws for other content. */
export function readRestoreNote(text: string): FoundNote | undefined {
  const lines = text.split('\n').slice(0, -1)
  const [first, ...rest] = lines.map((line) => JSON.parse(line) as unknown)
  if (first === undefined) return undefined
  const { note, version, jobId, root, prefix } = first as Readonly<Record<string, unknown>>
  if (note !== 'nb-restore' || version !== 1) throw new SyntaxError('it is not a note of a restore')
  if (typeof jobId !== 'string' || typeof root !== 'string' || typeof prefix !== 'string')
    throw new SyntaxError('its first line is incomplete')
  if (!prefix.startsWith(TEMPORARY_PREFIX) || prefix.length < TEMPORARY_PREFIX.length + 16)
    throw new SyntaxError('its prefix does not tell one run from others')
  const names = new Set(rest.filter((line): line is string => typeof line === 'string'))
  return {
    jobId,
    root: Buffer.from(root, 'latin1'),
    prefix,
    directories: [...names].map((name) => Buffer.from(name, 'latin1')),
  }
}

import { asNbError } from '@nb/contracts'
import { FILE_FLAGS, sameInstant } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import { errnoCodeOf } from '../posix/posix-error.ts'
import type { CopyOutcome } from './member-writer.ts'

// A file system's clock may stand still for one tick of the kernel (10 ms at the slowest): a change within the same
// tick as the one before leaves no trace in the change time.
const RACY_MS = 20
// A file server's clock may run ahead of ours. A time further ahead was set by a clock that was wrong, and stays.
const SKEW_MS = 3_600_000

/** What is to be said of how a file was read. */
export interface ReadingVerdict {
  /** Flags of its entry in the list. */
  readonly flags: number
  /** What a person should know, unless nothing. */
  readonly warning?: { readonly code: string; readonly text: string }
}

const SOUND: ReadingVerdict = { flags: 0 }
const RECENT: ReadingVerdict = { flags: FILE_FLAGS.recentlyChanged }

/**
 * Judges the reading of a file by what it was when it was opened and when it had been read.
 *
 * @param nowMs - milliseconds since 1970, by the clock that gives files their times
 */
export function judgeReading(
  before: FileStat,
  after: FileStat,
  { missingBytes, error }: CopyOutcome,
  nowMs: number,
): ReadingVerdict {
  const zeros = FILE_FLAGS.changedWhileRead | FILE_FLAGS.shrunkWhileRead
  const told = (flags: number, code: string, text: string): ReadingVerdict => ({
    flags,
    warning: { code, text },
  })
  if (error !== undefined) {
    const code = errnoCodeOf(error)
    if (code === undefined) throw asNbError(error)
    return told(zeros, code, `reading failed: zeros stand for ${missingBytes} of its ${before.size} bytes`)
  }
  if (missingBytes > 0) {
    const text = `it became shorter while it was read: zeros stand for its last ${missingBytes} bytes`
    return told(zeros, 'SHRUNK', text)
  }
  if (after.size > before.size) {
    const text = `it became longer while it was read: the backup holds its first ${before.size} bytes`
    return told(FILE_FLAGS.changedWhileRead, 'GREW', text)
  }
  if (!sameInstant(after.mtime, before.mtime) || after.size !== before.size) {
    const text = 'it changed while it was read: its data may mix two states'
    return told(FILE_FLAGS.changedWhileRead, 'CHANGED', text)
  }
  // Mode, owner, attributes or names changed: the data is whole, and the next incremental sees the change time.
  const ageMs = nowMs - (before.ctime.seconds * 1000 + before.ctime.nanos / 1e6)
  return ageMs < RACY_MS && ageMs > -SKEW_MS ? RECENT : SOUND
}

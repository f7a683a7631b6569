import { FILE_FLAGS, type FileRecord } from '@nb/formats'
import type { FileStat } from '../../posix/file-stat.ts'
import { kindOfMode } from '../entry-kind.ts'
import { deviceOf } from '../reference-cursor.ts'

/** Why an entry is not removed. */
export interface KeepReason {
  readonly code: string
  readonly text: string
}

const notSound = FILE_FLAGS.unreadable | FILE_FLAGS.changedWhileRead | FILE_FLAGS.shrunkWhileRead

/** Why an entry may not be removed by what its list says of it, wherever it is now; `undefined` when it may. */
export function notSaved({ kind, flags }: FileRecord): KeepReason | undefined {
  if (kind === 'character-device' || kind === 'block-device')
    return { code: 'DEVICE', text: 'it is a device: it stays' }
  if ((flags & FILE_FLAGS.unreadable) !== 0)
    return { code: 'NO_DATA', text: 'its data is not in the archive: it stays' }
  if ((flags & notSound) !== 0) return { code: 'CHANGED', text: 'it changed while it was read: it stays' }
  if ((flags & FILE_FLAGS.recentlyChanged) !== 0)
    return {
      code: 'CHANGED',
      text: 'it had changed so shortly before it was read that a further change may not show: it stays',
    }
  return undefined
}

/**
 * Whether what is there now is still what the list says: kind, size, modification and change time to the nanosecond.
 *
 * @param ownWork - whether this removal has taken another name of the same file off: that set its change time, so that it
 *   is told by its identity instead
 */
export function isAsListed(record: FileRecord, stat: FileStat, ownWork: boolean): boolean {
  const kind = record.kind === 'hardlink' ? 'file' : record.kind
  if (kindOfMode(stat.mode) !== kind) return false
  if (kind === 'file' && stat.size !== record.sizeBytes) return false
  if (stat.mtimeNs !== record.mtimeNs) return false
  return ownWork ? isIdentity(record, stat) : stat.ctimeNs === record.ctimeNs
}

/** Whether it is the very file or directory of the list. */
export function isIdentity({ identity }: FileRecord, stat: FileStat): boolean {
  return identity.inode === stat.ino && identity.device === deviceOf(stat)
}

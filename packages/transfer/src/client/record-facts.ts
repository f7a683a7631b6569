import type { FileRecord } from '@nb/formats'
import type { FileStat } from '../posix/file-stat.ts'
import { kindOfMode } from './entry-kind.ts'
import { deviceOf } from './reference-cursor.ts'
import type { WalkEntry } from './walk.ts'

/** What tells of what kind an entry is. */
export type KindFields = 'kind' | 'linkTarget' | 'deviceMajor' | 'deviceMinor'
/** What `stat` says of an entry. */
export type RecordFacts = Omit<
  FileRecord,
  KindFields | 'imageIndex' | 'memberOffset' | 'memberBytes' | 'flags'
>

/** Attributes of an entry, as the list has them. */
export function recordFacts(path: Buffer, stat: FileStat): RecordFacts {
  const kind = kindOfMode(stat.mode)
  return {
    path,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: kind === 'file' || kind === 'symlink' ? stat.size : 0,
    allocatedBytes: stat.blocks * 512,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    identity: { device: deviceOf(stat), inode: stat.ino },
    linkCount: stat.nlink,
  }
}

/** Device numbers, for devices. */
export function devicePart(
  kind: string,
  stat: FileStat,
): { readonly deviceMajor?: number; readonly deviceMinor?: number } {
  if (kind !== 'character-device' && kind !== 'block-device') return {}
  return { deviceMajor: stat.rdevMajor, deviceMinor: stat.rdevMinor }
}

/** What the entry is in this list: itself, or a further name of what an earlier path of the list is. */
export function recordKind(
  entry: WalkEntry,
  linkTarget: Buffer | undefined,
  firstPath: Buffer | undefined,
): Pick<FileRecord, KindFields> {
  if (firstPath !== undefined) return { kind: 'hardlink', linkTarget: firstPath }
  const { kind, stat } = entry
  return { kind, ...(linkTarget === undefined ? {} : { linkTarget }), ...devicePart(kind, stat) }
}

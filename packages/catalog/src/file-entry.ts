import { type FileEntry, NbError, type Path, pathFromBytes, pathToBytes } from '@nb/contracts'
import { FILE_FLAGS, type FileListHeader, type FileRecord } from '@nb/formats'

/** A list's record as the port gives it. */
export function toFileEntry(
  record: FileRecord,
  { images, digestAlgorithm }: FileListHeader,
  backupId: string,
): FileEntry {
  const { linkTarget, deviceMajor, deviceMinor, digest, flags } = record
  return {
    path: pathFromBytes(record.path),
    kind: record.kind,
    mode: record.mode,
    uid: record.uid,
    gid: record.gid,
    sizeBytes: record.sizeBytes,
    mtimeNs: String(record.mtimeNs),
    ctimeNs: String(record.ctimeNs),
    ...(linkTarget === undefined ? {} : { linkTarget: pathFromBytes(linkTarget) }),
    ...(deviceMajor === undefined ? {} : { deviceMajor }),
    ...(deviceMinor === undefined ? {} : { deviceMinor }),
    linkCount: record.linkCount,
    ...(digest === undefined || digestAlgorithm === undefined
      ? {}
      : { digest: `${digestAlgorithm}:${digest.toString('hex')}` }),
    backupId,
    dataImage: images[record.imageIndex] ?? backupId,
    ...((flags & FILE_FLAGS.changedWhileRead) === 0 ? {} : { changedWhileRead: true }),
    ...((flags & FILE_FLAGS.unreadable) === 0 ? {} : { unreadable: true }),
  }
}

/**
 * What makes two records of one path the same state of it: all that the file system told. Where the data is stored
 * does not count: two fulls of an unchanged file hold one state.
 */
export function stateKey(record: FileRecord): string {
  const { kind, mode, uid, gid, sizeBytes, mtimeNs, ctimeNs, linkTarget, identity, flags } = record
  const unsound = flags & (FILE_FLAGS.changedWhileRead | FILE_FLAGS.unreadable | FILE_FLAGS.shrunkWhileRead)
  const facts = [kind, mode, uid, gid, sizeBytes, mtimeNs, ctimeNs, identity.device, identity.inode, unsound]
  const device = `${record.deviceMajor ?? ''}:${record.deviceMinor ?? ''}`
  return `${facts.join(' ')} ${device} ${linkTarget?.toString('latin1') ?? ''}`
}

/** The bytes of an absolute path that a caller gave. Throws `argument-invalid`. */
export function askedPath(path: Path): Buffer {
  const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
  const parts = trimmed === '/' ? [] : trimmed.split('/').slice(1)
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
  if (!trimmed.startsWith('/') || !plain) {
    throw new NbError('argument-invalid', 'path must be absolute, without empty, "." or ".." parts', {
      details: { field: 'path', path },
    })
  }
  return pathToBytes(trimmed as Path)
}

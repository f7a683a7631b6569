import type { FileRecord } from '../../src/index.ts'
import { FileListEncoder } from '../../src/index.ts'

/** A record that needs nothing else. */
export function fileRecord(path: string, fields: Partial<FileRecord> = {}): FileRecord {
  return {
    path: Buffer.from(path),
    kind: 'file',
    mode: 0o644,
    uid: 1000,
    gid: 1000,
    sizeBytes: 100,
    allocatedBytes: 4096,
    mtimeNs: 1_700_000_000_123_456_789n,
    ctimeNs: 1_700_000_000_123_456_789n,
    identity: { device: 2049n, inode: 131_072n },
    linkCount: 1,
    imageIndex: 0,
    memberOffset: 0,
    memberBytes: 2048,
    flags: 0,
    ...fields,
  }
}

/** A whole list and its batches. */
export function listOf(
  records: readonly FileRecord[],
  batchBytes?: number,
): { list: Buffer; header: Buffer; batches: Buffer[] } {
  const encoder = new FileListEncoder({
    images: ['this', 'earlier', 'first'],
    ...(batchBytes ? { batchBytes } : {}),
  })
  const header = encoder.header()
  const batches: Buffer[] = []
  for (const record of records) {
    const batch = encoder.add(record)
    if (batch) batches.push(batch)
  }
  const last = encoder.flush()
  if (last) batches.push(last)
  return { list: Buffer.concat([header, ...batches]), header, batches }
}

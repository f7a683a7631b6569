import { closeSync, openSync, writeSync } from 'node:fs'
import type { FileListTotals, ImageCompletion } from '@nb/contracts'
import { FileListEncoder, type FileRecord } from '@nb/formats'

/** A file list in a file, without its header, and what a session would tell of it. */
export interface WrittenList {
  readonly path: string
  /** Bytes of the batches. */
  readonly bytes: number
  readonly batches: number
  readonly entries: number
  readonly counts: ImageCompletion['counts']
  /** Processor time to encode, milliseconds. */
  readonly encodeMs: number
}

const chunkBytes = 1024 * 1024

/** Encodes entries into a file: the batches alone, so that they serve as the list of several images. */
export function writeList(path: string, records: Iterable<FileRecord>, images: number): WrittenList {
  const encoder = new FileListEncoder({
    images: Array.from({ length: images }, (_, index) => `image_${index}`),
  })
  const file = openSync(path, 'w')
  const begun = process.cpuUsage()
  let pending: Buffer[] = []
  let pendingBytes = 0
  let bytes = 0
  let batches = 0
  let storedEntries = 0
  let ownBytes = 0
  let end = 0
  const flush = (): void => {
    for (const chunk of pending) writeSync(file, chunk)
    pending = []
    pendingBytes = 0
  }
  const take = (batch: Buffer | undefined): void => {
    if (batch === undefined) return
    pending.push(batch)
    pendingBytes += batch.length
    bytes += batch.length
    batches += 1
    if (pendingBytes >= chunkBytes) flush()
  }
  for (const record of records) {
    if (record.imageIndex === 0) {
      storedEntries += 1
      if (record.kind === 'file') ownBytes += record.sizeBytes
      end = Math.max(end, record.memberOffset + record.memberBytes)
    }
    take(encoder.add(record))
  }
  take(encoder.flush())
  flush()
  closeSync(file)
  const { user, system } = process.cpuUsage(begun)
  const entries = encoder.entryCount
  const counts = { entries, storedEntries, bytes: ownBytes, streamBytes: end, warnings: 0 }
  return { path, bytes, batches, entries, counts, encodeMs: (user + system) / 1000 }
}

/** The totals of the list with its header. */
export function totalsOf(list: WrittenList, header: Buffer): FileListTotals {
  return { bytes: header.length + list.bytes, batches: list.batches, entries: list.entries }
}

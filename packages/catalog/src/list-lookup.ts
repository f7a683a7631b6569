import { type FileRecord, type FileListHeader, type FileListRuns, findInRun } from '@nb/formats'
import type { OpenFile } from '@nb/contracts'
import { corruptList, corruptOnNow } from './list-facts.ts'
import type { ReadPace } from './read-pace.ts'

/** A file list that is open, with what lookups need of it. */
export interface OpenList {
  readonly path: string
  readonly file: OpenFile
  readonly runs: FileListRuns
  readonly header: FileListHeader
  readonly pace: ReadPace
}

/** Runs that are remembered of the lists looked into before. */
const seenRuns = 4

/**
 * What the lists looked into before said of one path. Most of what an incremental lists is as the backup before listed it, byte for
 * byte; what is equal to what was checked and decoded need not be again.
 */
export class SeenRuns {
  readonly #runs: { readonly bytes: Buffer; readonly record: FileRecord | undefined }[] = []

  /** What was found in the same bytes. */
  find(bytes: Buffer): { readonly record: FileRecord | undefined } | undefined {
    return this.#runs.find((seen) => seen.bytes.equals(bytes))
  }

  /** Remembers what is in a run. */
  note(bytes: Buffer, record: FileRecord | undefined): void {
    if (this.#runs.length >= seenRuns) this.#runs.shift()
    this.#runs.push({ bytes: Buffer.from(bytes), record })
  }
}

/** Buffers for lookups that are kept for the next, and the biggest that is. */
const keptBuffers = 32
const keptBufferBytes = 64 * 1024
const buffers: Buffer[] = []

/**
 * The entry of a path, which is the one that `seen` is of, where it can be had at once; `undefined` where {@link findIn} has to wait for it.
 * Throws `file-list-corrupt`.
 */
export function findNow(
  list: OpenList,
  path: Buffer,
  seen: SeenRuns,
): { readonly record: FileRecord | undefined } | undefined {
  const { pace, file } = list
  const place = placeOf(list, path)
  if (place === undefined) return { record: undefined }
  const { bytes, offset } = place
  try {
    const count = pace.now(file, bytes, offset)
    if (count === undefined) return undefined
    const before = count === bytes.length ? seen.find(bytes) : undefined
    if (before !== undefined) return before
    const record = foundIn(list, place, path, count)
    seen.note(bytes, record)
    return { record }
  } finally {
    giveBuffer(bytes)
  }
}

/** The entry of a path. Throws `file-list-corrupt`. */
export async function findIn(list: OpenList, path: Buffer): Promise<FileRecord | undefined> {
  const { pace, file } = list
  const place = placeOf(list, path)
  if (place === undefined) return undefined
  const { bytes, offset } = place
  try {
    return foundIn(list, place, path, await pace.read(file, bytes, offset))
  } finally {
    giveBuffer(bytes)
  }
}

/** Fills `target` from a list. Throws `file-list-corrupt` where the list is too short. */
export async function readList(list: OpenList, target: Buffer, at: number): Promise<void> {
  const { pace, file } = list
  checkWhole(list, target, await pace.read(file, target, at))
}

interface Place {
  /** Memory for the run; give it back. */
  readonly bytes: Buffer
  /** Where the run is in the list. */
  readonly offset: number
}

/** The run that holds a path, if any does. */
function placeOf({ runs }: OpenList, path: Buffer): Place | undefined {
  const run = runs.find(path)
  return run < 0 ? undefined : { bytes: takeBuffer(runs.byteLength(run)), offset: runs.offset(run) }
}

function foundIn(
  list: OpenList,
  { bytes, offset }: Place,
  path: Buffer,
  count: number,
): FileRecord | undefined {
  checkWhole(list, bytes, count)
  const record = corruptOnNow(list.path, () => findInRun(bytes, path, offset))
  return record === undefined ? undefined : keepable(record)
}

function checkWhole({ path }: OpenList, target: Buffer, count: number): void {
  if (count < target.length) throw corruptList(path, new Error('it is shorter than its index says'))
}

/** A record that is kept when the bytes it was read from are not. */
export function keepable(record: FileRecord): FileRecord {
  const { linkTarget, digest } = record
  if (linkTarget === undefined && digest === undefined) return record
  return {
    ...record,
    ...(linkTarget === undefined ? {} : { linkTarget: Buffer.from(linkTarget) }),
    ...(digest === undefined ? {} : { digest: Buffer.from(digest) }),
  }
}

function takeBuffer(byteLength: number): Buffer {
  if (byteLength > keptBufferBytes) return Buffer.allocUnsafeSlow(byteLength)
  const kept = buffers.pop() ?? Buffer.allocUnsafeSlow(keptBufferBytes)
  return kept.length === byteLength ? kept : kept.subarray(0, byteLength)
}

function giveBuffer({ buffer }: Buffer): void {
  if (buffer.byteLength === keptBufferBytes && buffers.length < keptBuffers) buffers.push(Buffer.from(buffer))
}

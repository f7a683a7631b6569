import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import {
  type CompressedFrame,
  type FragmentRecord,
  type FragmentWriter,
  type MediaStore,
  type MountedMedium,
  NbError,
} from '@nb/contracts'
import type { TapeRig } from './tape-rig.ts'

/** A piece of a stream: plain bytes, or a frame. */
export type Piece = Uint8Array | CompressedFrame

export const isFrame = (piece: Piece): piece is CompressedFrame => 'stored' in piece

/** Bytes that can't be compressed, the same for each seed, in no time. */
export function noise(seed: number, byteLength: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeDoubleLE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(byteLength))
}

/** An image that is written over as many volumes as it takes. */
export interface SpannedImage {
  readonly backupId: string
  readonly pieces: readonly Piece[]
  readonly volumes: readonly string[]
  /** Bytes of the file list that come with each fragment. */
  readonly listBytes?: number
  /** Bytes of the stream after which a fragment ends. @default none */
  readonly fragmentBytes?: number
}

/** What became of it. */
export interface Spanned {
  readonly records: readonly FragmentRecord[]
  /** How often the medium ended without the writer being warned, a fragment was shortened, and one was written again. */
  readonly seen: { hardEnds: number; shortened: number; again: number; warned: number }
}

const bytesOf = (piece: Piece): number => (isFrame(piece) ? piece.streamBytes : piece.length)

/** Does as a session does: commits where it has to, and goes on with what is left on the next volume. */
export async function writeSpanned(rig: TapeRig, image: SpannedImage): Promise<Spanned> {
  const { backupId, volumes, listBytes = 100, fragmentBytes = Infinity } = image
  const list = Buffer.alloc(listBytes, 'list')
  const compressed = image.pieces.some(isFrame)
  const records: FragmentRecord[] = []
  const seen = { hardEnds: 0, shortened: 0, again: 0, warned: 0 }
  let rest = [...image.pieces]
  let offset = 0
  let isDone = false
  for (const volumeId of volumes) {
    const medium = await mountToWrite(rig.store, rig, volumeId)
    await rig.media.assignImage({ volumeId, backupId, retentionLevel: 1 })
    while (!isDone) {
      const writer = await begin(medium, {
        ...{ backupId, number: records.length + 1, streamOffset: offset, compressed },
        previous: records.at(-1)?.volumeId,
      })
      if (writer === undefined) break
      const before = rest
      const taken = await fill(writer, rest, fragmentBytes, seen)
      rest = rest.slice(taken)
      const trailer = { image: { backupId }, fileList: [list], endsAtMember: rest.length === 0 }
      try {
        const record = await writer.commit({ ...trailer, last: rest.length === 0 })
        const left = (writer.left ?? []).map((piece) => piece)
        if (left.length > 0) seen.shortened += 1
        rest = [...left, ...rest]
        records.push(record)
        offset += record.streamBytes
        isDone = rest.length === 0
      } catch (error) {
        assert.ok(error instanceof NbError && error.code === 'media-end', String(error))
        seen.again += 1
        rest = before
      }
      if (writer.mustEnd === true) break
    }
    await medium.unmount()
    if (isDone) return { records, seen }
  }
  return assert.fail('the image does not fit on all the volumes')
}

function mountToWrite(store: MediaStore, rig: TapeRig, volumeId: string): Promise<MountedMedium> {
  return store.mount({ allocation: rig.allocationOf('write', volumeId), jobId: '1', flow: 'backup' })
}

async function begin(
  medium: MountedMedium,
  about: {
    readonly backupId: string
    readonly number: number
    readonly streamOffset: number
    readonly compressed: boolean
    readonly previous: string | undefined
  },
): Promise<FragmentWriter | undefined> {
  const { backupId, number, streamOffset, compressed, previous } = about
  try {
    return await medium.createFragment({
      ...{ backupId, copy: 1, number, streamOffset, startsAtMember: number === 1 },
      ...{ client: 'client1', policy: 'policy1', schedule: 'full', createdAt: 0 },
      ...(compressed ? { compression: 'zstd' } : {}),
      ...(previous === undefined ? {} : { previousVolume: previous }),
    })
  } catch (error) {
    assert.ok(error instanceof NbError && error.code === 'media-end', String(error))
    return undefined
  }
}

/** Writes as much as it may; tells how many pieces were accepted. */
async function fill(
  writer: FragmentWriter,
  pieces: readonly Piece[],
  fragmentBytes: number,
  seen: Spanned['seen'],
): Promise<number> {
  let taken = 0
  for (const piece of pieces) {
    if (writer.mustEnd === true) {
      seen.warned += 1
      return taken
    }
    if (writer.streamBytes >= fragmentBytes) return taken
    const before = writer.streamBytes
    try {
      // The memory is used again at once.
      if (isFrame(piece)) {
        const stored = Buffer.from(piece.stored)
        await writer.writeFrame({ ...piece, stored })
        stored.fill(0xee)
      } else {
        const chunk = Buffer.from(piece)
        await writer.write(chunk)
        chunk.fill(0xee)
      }
    } catch (error) {
      assert.ok(error instanceof NbError && error.code === 'media-end', String(error))
      assert.equal(writer.streamBytes, before, 'what was refused does not count')
      seen.hardEnds += 1
      return taken
    }
    assert.equal(writer.streamBytes, before + bytesOf(piece))
    taken += 1
  }
  return taken
}

/** The image as it is read back from all its volumes, and nothing else is on them. */
export async function readSpanned(
  rig: TapeRig,
  backupId: string,
  records: readonly FragmentRecord[],
): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (const fragment of records) {
    const allocation = rig.allocationOf('read', fragment.volumeId)
    const medium = await rig.store.mount({ allocation, jobId: '2', flow: 'restore' })
    try {
      const reader = await medium.openFragment({ backupId, copy: 1, fragment })
      for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
        chunks.push(Buffer.from(chunk))
      await reader.close()
    } finally {
      await medium.unmount()
    }
  }
  return Buffer.concat(chunks)
}

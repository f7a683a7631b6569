import type { DataChannel, RestoreSource } from '@nb/contracts'
import { RANGE_FRAME_BYTES, encodeRangeFrame } from '../range-frame.ts'
import type { BlockRing } from './block-ring.ts'
import { ImageReader } from './image-reader.ts'
import type { MediaPlan } from './media-plan.ts'
import type { ReadMedia } from './read-media.ts'
import type { Range } from './range-list.ts'
import type { Leg } from './reading-order.ts'
import { RingFiller } from './ring-filler.ts'
import type { Session } from './session.ts'

/** Blocks that are sent in one piece, where so many are full. */
const BLOCKS_PER_SEND = 4

/** A medium positioned at the first data wanted. */
export interface PositionedMedium {
  /** Where it stands, for the job's log. */
  readonly place: string
  /** The media reader's parent: the ranges of the plan, each behind its frame, into the ring. */
  readonly readInto: (ring: BlockRing) => Promise<void>
  readonly close: () => Promise<void>
}

/** What is read, and where from. */
export interface Reading {
  readonly media: Pick<ReadMedia, 'with'>
  readonly images: readonly RestoreSource[]
  readonly plan: MediaPlan
  readonly order: readonly Leg[]
  readonly signal: AbortSignal
}

/** Opens the fragment that holds the first byte wanted. Rejects with `fragment-missing`, `fragment-corrupt`. */
export async function positionMedium(reading: Reading): Promise<PositionedMedium> {
  const { media, images, plan, order } = reading
  const readers = images.map((source) => new ImageReader((volumeId) => media.with(volumeId), source))
  const close = async (): Promise<void> => {
    for (const reader of readers) await reader.close()
  }
  const [first] = order
  let place = 'nothing is to be read'
  try {
    for (const { offset } of first === undefined
      ? []
      : plan.rangesOf(first.imageIndex, first.from, first.to)) {
      const { imageIndex } = first as Leg
      const number = await readers[imageIndex]?.position(offset)
      place = `fragment ${number} of image ${images[imageIndex]?.backupId}, byte ${offset} of its stream`
      break
    }
  } catch (error) {
    await close()
    throw error
  }
  return { place, close, readInto: (ring) => readRanges(reading, readers, ring) }
}

async function readRanges(
  { plan, order, signal }: Reading,
  readers: readonly ImageReader[],
  ring: BlockRing,
): Promise<void> {
  const filler = new RingFiller(ring)
  const head = Buffer.alloc(RANGE_FRAME_BYTES)
  for (const { imageIndex, from, to } of order) {
    const reader = readers[imageIndex] as ImageReader
    for (const range of plan.rangesOf(imageIndex, from, to)) {
      encodeRangeFrame({ imageIndex, streamOffset: range.offset, bytes: range.bytes }, head)
      await filler.write(head)
      await readRange(reader, range, filler, ring.blockBytes, { signal })
    }
    // What comes next may be on another medium.
    await reader.close()
  }
  filler.finish()
}

/** Whole blocks are read where they lie in the ring, what stands before and behind them is put there. */
async function readRange(
  reader: ImageReader,
  { offset, bytes }: Range,
  filler: RingFiller,
  blockBytes: number,
  options: { readonly signal: AbortSignal },
): Promise<void> {
  const end = offset + bytes
  for (let at = offset; at < end;) {
    const rest = end - at
    const gap = rest < blockBytes ? rest : Math.min(rest, await reader.bytesToBlock(at, blockBytes))
    if (gap === 0) at += await filler.fill(rest, (into) => reader.readInto(at, into, options))
    else {
      for await (const chunk of reader.read({ offset: at, bytes: gap }, options)) await filler.write(chunk)
      at += gap
    }
  }
}

/** The media reader's child: blocks from the ring to the extractor on the client. */
export async function sendBlocks(session: Session, ring: BlockRing, data: DataChannel): Promise<void> {
  for (;;) {
    const bytes = await ring.take(BLOCKS_PER_SEND)
    if (bytes === undefined) break
    await session.silence.forClient(data.write(bytes), 41)
    ring.release()
  }
  await session.silence.forClient(data.end(), 41)
}

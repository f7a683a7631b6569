import type { DataChannel, MountedMedium, RestoreSource } from '@nb/contracts'
import { RANGE_FRAME_BYTES, encodeRangeFrame } from '../range-frame.ts'
import type { BlockRing } from './block-ring.ts'
import { ImageReader } from './image-reader.ts'
import type { MediaPlan } from './media-plan.ts'
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

/** Opens the fragment that holds the first byte wanted. Rejects with `fragment-missing`, `fragment-corrupt`. */
export async function positionMedium(
  medium: MountedMedium,
  images: readonly RestoreSource[],
  plan: MediaPlan,
  signal: AbortSignal,
): Promise<PositionedMedium> {
  const readers = images.map((source) => new ImageReader(medium, source))
  const close = async (): Promise<void> => {
    for (const reader of readers) await reader.close()
  }
  const first = images.findIndex((_, index) => plan.rangeCountOf(index) > 0)
  let place = 'nothing is to be read'
  try {
    for (const { offset } of first < 0 ? [] : plan.rangesOf(first)) {
      const number = await readers[first]?.position(offset)
      place = `fragment ${number} of image ${images[first]?.backupId}, byte ${offset} of its stream`
      break
    }
  } catch (error) {
    await close()
    throw error
  }
  return { place, close, readInto: (ring) => readRanges(readers, plan, ring, signal) }
}

async function readRanges(
  readers: readonly ImageReader[],
  plan: MediaPlan,
  ring: BlockRing,
  signal: AbortSignal,
): Promise<void> {
  const filler = new RingFiller(ring)
  const head = Buffer.alloc(RANGE_FRAME_BYTES)
  for (const [imageIndex, reader] of readers.entries()) {
    for (const range of plan.rangesOf(imageIndex)) {
      encodeRangeFrame({ imageIndex, streamOffset: range.offset, bytes: range.bytes }, head)
      await filler.write(head)
      for await (const chunk of reader.read(range, { signal })) await filler.write(chunk)
    }
    await reader.close()
  }
  filler.finish()
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

import { type FrameFormat, type FrameIndex, TAPE_BLOCK_BYTES, filledBlocks } from '@nb/formats'

/** What a fragment was given. */
export interface Accepted {
  /** Bytes of it as it is stored. */
  readonly storedBytes: number
  /** Bytes of the stream. */
  readonly streamBytes: number
  /** Whether a member begins behind it. */
  readonly endsAtMember: boolean
  /** Whether it begins with one. */
  readonly startsAtMember: boolean
  /** Of compressed payload: its frames, and how they are compressed. */
  readonly frames?: { readonly index: FrameIndex; readonly format: FrameFormat }
}

/** What of it the fragment keeps. */
export interface PayloadCut {
  readonly storedBytes: number
  readonly streamBytes: number
  /** Frames in it; 0 where nothing is compressed. */
  readonly frames: number
  /** Blocks that it takes with fill. */
  readonly blocks: number
  readonly endsAtMember: boolean
  /** Whether nothing is left. */
  readonly isWhole: boolean
}

/**
 * The longest beginning of what was accepted that takes no more than so many blocks and may end there: plain payload at a member's end, or
 * with a block; compressed payload behind a frame. Where it is cut inside it is not known whether a member ends there, so it is said not to.
 */
export function cutPayload(accepted: Accepted, mostBlocks: number): PayloadCut | undefined {
  if (mostBlocks < 0) return undefined
  return accepted.frames === undefined ? cutPlain(accepted, mostBlocks) : cutFrames(accepted, mostBlocks)
}

function cutPlain(accepted: Accepted, mostBlocks: number): PayloadCut {
  const { storedBytes: all, endsAtMember, startsAtMember } = accepted
  const mayEnd = endsAtMember || all % TAPE_BLOCK_BYTES === 0
  const blocks = mayEnd ? filledBlocks(all) : Math.floor(all / TAPE_BLOCK_BYTES)
  if (mayEnd && blocks <= mostBlocks)
    return { storedBytes: all, streamBytes: all, frames: 0, blocks, endsAtMember, isWhole: true }
  const kept = Math.min(mostBlocks, Math.floor(all / TAPE_BLOCK_BYTES))
  const storedBytes = kept * TAPE_BLOCK_BYTES
  return {
    ...{ storedBytes, streamBytes: storedBytes, frames: 0, blocks: kept },
    ...{ endsAtMember: kept === 0 && startsAtMember, isWhole: false },
  }
}

function cutFrames(accepted: Accepted, mostBlocks: number): PayloadCut | undefined {
  const { startsAtMember, endsAtMember, frames } = accepted
  if (frames === undefined) return undefined
  const { index, format } = frames
  for (let count = index.count; count >= 0; count--) {
    const last = count === 0 ? undefined : index.frame(count - 1)
    const storedBytes = last === undefined ? 0 : last.storedOffset + last.storedBytes
    const blocks = filledBlocks(storedBytes, format)
    if (blocks > mostBlocks) continue
    const isWhole = count === index.count
    const next = isWhole ? undefined : index.frame(count)
    const atMember = count === 0 ? startsAtMember : next?.startsAtMember
    return {
      ...{ storedBytes, streamBytes: last === undefined ? 0 : last.offset + last.streamBytes },
      ...{ frames: count, blocks, isWhole },
      endsAtMember: isWhole ? endsAtMember : atMember === true,
    }
  }
  return undefined
}

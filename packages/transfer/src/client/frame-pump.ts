import { type Compression, type DataChannel, NbError } from '@nb/contracts'
import { FormatError, compressFrame } from '@nb/formats'
import { FRAME_HEAD_BYTES, encodeFrameHead } from '../compressed-stream.ts'
import type { BlockPipe } from './block-pipe.ts'
import { BoundedQueue } from './bounded-queue.ts'
import { BLOCK_MARK_BYTES, startsAtMember } from './stream-writer.ts'

/** How the blocks of a pipe are compressed. */
export interface FramePumpOptions {
  /** What the client was asked for, and can do. */
  readonly compression: Compression
  /** As the compression counts it. @default the quickest */
  readonly level?: number
  /** Blocks that are compressed at once, each by a thread of the pool; from 1. */
  readonly lanes: number
}

interface Frame {
  readonly head: Buffer
  readonly stored: Buffer
}

/**
 * Compresses what comes out of a pipe, each block by itself as a frame, and sends the frames in their order. Blocks are compressed
 * beside one another and beside the reader.
 */
export async function pumpFrames(
  pipe: Pick<BlockPipe, 'take' | 'release'>,
  channel: DataChannel,
  { compression, level, lanes }: FramePumpOptions,
): Promise<void> {
  const frames = new BoundedQueue<{ readonly frame: Promise<Frame> }>(Math.max(1, lanes - 1))
  // Memory of pieces that are compressed; a few, each as long as a block.
  const spare: Buffer[] = []

  // What the last frame took: the next will take about as much.
  let ratio = 1

  async function framed(piece: Buffer, isStart: boolean): Promise<Frame> {
    const expected = Math.ceil(piece.length * ratio)
    const stored = await compressFrame(piece, compression, level, expected).catch((error: unknown) => {
      throw error instanceof FormatError
        ? new NbError('not-supported', error.message, { cause: error })
        : error
    })
    const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES)
    encodeFrameHead({ storedBytes: stored.length, streamBytes: piece.length, startsAtMember: isStart }, head)
    ratio = Math.min(1, stored.length / piece.length)
    spare.push(Buffer.from(piece.buffer, piece.byteOffset))
    return { head, stored }
  }

  async function compress(): Promise<void> {
    for (let block = await pipe.take(); block !== undefined; block = await pipe.take()) {
      const content = block.subarray(BLOCK_MARK_BYTES)
      if (content.length === 0) {
        pipe.release()
        continue
      }
      await frames.room()
      const kept = spare.pop()
      const memory =
        kept !== undefined && kept.length >= content.length ? kept : Buffer.allocUnsafeSlow(content.length)
      const piece = memory.subarray(0, content.length)
      piece.set(content)
      const frame = framed(piece, startsAtMember(block))
      // The block is free while its copy is compressed.
      pipe.release()
      frame.catch(() => undefined)
      frames.push({ frame })
    }
    frames.end()
  }

  async function send(): Promise<void> {
    for (;;) {
      const next = await frames.take()
      if (next === undefined) break
      const { head, stored } = await next.frame
      await channel.write(head)
      await channel.write(stored)
    }
    await channel.end()
  }

  await Promise.all([compress(), send()])
}

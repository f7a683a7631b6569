import type { DataChannel } from '@nb/contracts'
import { readChannel } from '@nb/contracts'
import { copyToShared } from '../copy-to-shared.ts'
import type { BlockPipe } from './block-pipe.ts'

/** Blocks that are sent at once, where so many are full. */
const BLOCKS_PER_WRITE = 4

/** Sends what comes out of a pipe over a channel, and ends it. */
export async function pumpOut(
  pipe: Pick<BlockPipe, 'take' | 'release'>,
  channel: DataChannel,
): Promise<void> {
  for (;;) {
    const bytes = await pipe.take(BLOCKS_PER_WRITE)
    if (bytes === undefined) break
    await channel.write(bytes)
    pipe.release()
  }
  await channel.end()
}

/** Puts what comes over a channel into a pipe, and ends it. */
export async function pumpIn(channel: DataChannel, pipe: BlockPipe): Promise<void> {
  for await (const piece of readChannel(channel)) {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    for (let at = 0; at < chunk.length;) {
      const block = await pipe.claim()
      const length = Math.min(block.length, chunk.length - at)
      copyToShared(chunk, block, 0, at, at + length)
      pipe.publish(length)
      at += length
    }
  }
  pipe.end()
  await channel.end()
}

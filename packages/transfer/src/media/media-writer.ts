import { type DataChannel, readChannel } from '@nb/contracts'
import type { BackupCheckpoints } from './backup-checkpoints.ts'
import type { BackupCopies } from './backup-copies.ts'
import type { BlockRing } from './block-ring.ts'
import { RingFiller } from './ring-filler.ts'
import type { Session } from './session.ts'

/** Blocks that are written to the medium in one piece, where so many are full. */
const BLOCKS_PER_WRITE = 4

/** The media writer's child: the client's data, block by block, into the ring. */
export async function receiveBlocks(
  session: Session,
  data: DataChannel,
  ring: BlockRing,
  checkpoints: BackupCheckpoints,
): Promise<void> {
  const filler = new RingFiller(ring)
  const flush = (): void => filler.flush()
  const chunks = readChannel(data)
  for (;;) {
    const next = await session.silence.forClient(chunks.next(), 76)
    if (next.done === true) break
    await filler.write(next.value)
    checkpoints.onReceived(next.value.length, flush)
  }
  filler.finish()
}

/** The media writer's parent: blocks from the ring to the medium. */
export async function writeBlocks(
  ring: BlockRing,
  row: BackupCopies,
  checkpoints: BackupCheckpoints,
): Promise<void> {
  for (;;) {
    const bytes = await ring.take(BLOCKS_PER_WRITE)
    if (bytes === undefined) return
    await row.write(bytes)
    ring.release()
    checkpoints.onWritten(row.streamBytes)
  }
}

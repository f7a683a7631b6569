import type { TapeFileStart } from './file-blocks.ts'
import { FileEngine } from './file-engine.ts'
import type {
  MultiplexedFile,
  MultiplexedFileComponents,
  MultiplexedFileOptions,
} from './multiplexed-file.ts'

const WAITING_BLOCKS = 4
const JOIN_UP_TO_BYTES = 256 * 1024 ** 3

/** Throws `TypeError` for an option out of bounds. */
export function checkMultiplexedFileOptions({
  waitingBlocks = WAITING_BLOCKS,
  joinUpToBytes = JOIN_UP_TO_BYTES,
}: MultiplexedFileOptions): Required<MultiplexedFileOptions> {
  if (!Number.isSafeInteger(waitingBlocks) || waitingBlocks < 1 || waitingBlocks > 64)
    throw new TypeError(`waitingBlocks is ${waitingBlocks}; allowed: a whole number 1–64`)
  if (!Number.isSafeInteger(joinUpToBytes) || joinUpToBytes < 1)
    throw new TypeError(`joinUpToBytes is ${joinUpToBytes}; allowed: whole numbers from 1`)
  return { waitingBlocks, joinUpToBytes }
}

/** Begins a multiplexed file where the drive stands. Nothing is written before the first fragment joins. */
export function createMultiplexedFile(
  components: MultiplexedFileComponents,
  start: TapeFileStart,
  options: MultiplexedFileOptions = {},
): MultiplexedFile {
  return new FileEngine(components, start, checkMultiplexedFileOptions(options))
}

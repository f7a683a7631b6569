import type { FragmentRecord, NewFragment } from '@nb/contracts'
import { STREAM_BLOCK_BYTES } from '@nb/formats'
import { newFragment, noise, trailerOf } from '../multiplex/multiplexed-tape.ts'
import type { TapeRig } from './tape-rig.ts'

/** A fragment as it was written. */
export interface Written {
  readonly fragment: NewFragment
  readonly record: FragmentRecord
  readonly payload: Buffer
}

/** Four images whose streams share a tape file, of a rig whose jobs are of a group. */
export async function fourStreams(rig: TapeRig, blocksEach = 40): Promise<Written[]> {
  const media = await Promise.all(
    [1, 2, 3, 4].map((job) => rig.store.mount({ allocation: rig.allocation('write'), jobId: String(job) })),
  )
  const fragments = media.map((_, index) => newFragment(index + 1))
  const writers = await Promise.all(
    media.map((medium, index) => medium.createFragment(fragments[index] as NewFragment)),
  )
  const payloads = media.map((_, index) => noise(index + 1, blocksEach * STREAM_BLOCK_BYTES))
  for (let block = 0; block < blocksEach; block++)
    await Promise.all(
      writers.map((writer, index) =>
        writer.write(
          (payloads[index] as Buffer).subarray(block * STREAM_BLOCK_BYTES, (block + 1) * STREAM_BLOCK_BYTES),
        ),
      ),
    )
  const records = await Promise.all(
    writers.map((writer, index) => writer.commit(trailerOf(fragments[index] as NewFragment))),
  )
  for (const medium of media) await medium.unmount()
  return records.map((record, index) => ({
    ...{ record, fragment: fragments[index] as NewFragment, payload: payloads[index] as Buffer },
  }))
}

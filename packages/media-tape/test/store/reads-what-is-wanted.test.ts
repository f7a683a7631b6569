import assert from 'node:assert/strict'
import type { CompressedFrame, FragmentRecord, MountedMedium, NewFragment } from '@nb/contracts'
import { STREAM_BLOCK_BYTES, TAPE_BLOCK_BYTES, compressFrame } from '@nb/formats'
import t from 'tap'
import { fourStreams } from './four-streams.ts'
import { type TapeRig, tapeRig } from './tape-rig.ts'
import { noise } from './spanning.ts'
import { copies, fragmentOf, trailerOf } from './writing.ts'

/** So many blocks has the image of which one small file is wanted. */
const IMAGE_BLOCKS = 80
/** Where the file is, and how long: within one block. */
const wanted = { offset: 61 * TAPE_BLOCK_BYTES + 1536, bytes: 8192 }

/** Commands of the drive for a file, of an image that is mounted: what restoring it costs. */
interface Cost {
  readonly reads: number
  /** LOCATE and SPACE. */
  readonly motions: number
}

async function costOf(
  rig: TapeRig,
  one: { readonly fragment: NewFragment; readonly record: FragmentRecord; readonly payload: Buffer },
  range: { readonly offset: number; readonly bytes: number } = wanted,
): Promise<Cost> {
  const allocation = rig.allocationOf('read', one.record.volumeId)
  const medium = await rig.store.mount({ allocation, jobId: '1' })
  const before = { ...rig.motions() }
  const { backupId, copy } = one.fragment
  const reader = await medium.openFragment({ backupId, copy, fragment: one.record })
  const pieces: Buffer[] = []
  for await (const piece of copies(reader.read(range))) pieces.push(piece)
  await reader.close()
  const after = rig.motions()
  await medium.unmount()
  assert.ok(Buffer.concat(pieces).equals(one.payload.subarray(range.offset, range.offset + range.bytes)))
  const [locates, spaces] = [after.locates - before.locates, after.spaces - before.spaces]
  return { reads: after.reads - before.reads, motions: locates + spaces }
}

async function withMedium<Result>(
  rig: TapeRig,
  use: (medium: MountedMedium) => Promise<Result>,
  volumeId?: string,
): Promise<Result> {
  const medium = await rig.store.mount({ allocation: rig.allocationOf('write', volumeId), jobId: '1' })
  try {
    return await use(medium)
  } finally {
    await medium.unmount()
  }
}

t.test(
  'one small file out of a large image: header, footer, a block of the trailer, its block',
  async (t) => {
    const rig = await tapeRig()
    const fragment = fragmentOf(1)
    const payload = noise(1, IMAGE_BLOCKS * TAPE_BLOCK_BYTES)
    const record = await withMedium(rig, async (medium) => {
      const writer = await medium.createFragment(fragment)
      await writer.write(payload)
      return writer.commit(trailerOf(fragment))
    })
    t.same(await costOf(rig, { fragment, record, payload }), { reads: 4, motions: 4 })
  },
)

t.test('of a compressed image the blocks of its frame', async (t) => {
  const rig = await tapeRig()
  const fragment = fragmentOf(1, { compression: 'zstd' })
  const payload = noise(1, IMAGE_BLOCKS * TAPE_BLOCK_BYTES)
  const record = await withMedium(rig, async (medium) => {
    const writer = await medium.createFragment(fragment)
    for (let at = 0; at < payload.length; at += 2 * TAPE_BLOCK_BYTES) {
      const bytes = payload.subarray(at, at + 2 * TAPE_BLOCK_BYTES)
      const frame: CompressedFrame = {
        stored: await compressFrame(bytes, 'zstd'),
        ...{ streamBytes: bytes.length, startsAtMember: true },
      }
      await writer.writeFrame(frame)
    }
    return writer.commit(trailerOf(fragment))
  })
  // A frame of 512 KiB that got no smaller lies in three blocks.
  t.same(await costOf(rig, { fragment, record, payload }), { reads: 6, motions: 4 })
})

t.test('of a stream among others its own blocks', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const [, , one] = await fourStreams(rig, 30)
  if (one === undefined) throw new Error('there are four')
  const range = { offset: 23 * STREAM_BLOCK_BYTES + 1536, bytes: 8192 }
  t.same(await costOf(rig, one, range), { reads: 4, motions: 4 })
})

t.test('of an image over two volumes those of the one volume', async (t) => {
  const rig = await tapeRig()
  const all = noise(1, IMAGE_BLOCKS * TAPE_BLOCK_BYTES)
  const half = (IMAGE_BLOCKS / 2) * TAPE_BLOCK_BYTES
  const [first, second] = [fragmentOf(1), fragmentOf(1, { number: 2, streamOffset: half })]
  const write = (fragment: NewFragment, payload: Buffer, volumeId: string): Promise<FragmentRecord> =>
    withMedium(
      rig,
      async (medium) => {
        const writer = await medium.createFragment(fragment)
        await writer.write(payload)
        return writer.commit(trailerOf(fragment))
      },
      volumeId,
    )
  await write(first, all.subarray(0, half), 'A00001')
  const payload = all.subarray(half)
  const record = await write(second, payload, 'A00002')
  const range = { ...wanted, offset: wanted.offset - half }
  t.same(await costOf(rig, { fragment: second, record, payload }, range), { reads: 4, motions: 4 })
})

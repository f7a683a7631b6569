import assert from 'node:assert/strict'
import type {
  Compression,
  CompressedFrame,
  FragmentRecord,
  FragmentTrailer,
  NewFragment,
} from '@nb/contracts'
import { compressFrame, compressionUnsupported } from '@nb/formats'
import { seededRandom } from '../fault-plan.ts'
import {
  type Check,
  type MediaStoreFixture,
  backupId,
  collect,
  mount,
  newFragment,
  noise,
  ofStream,
  readBack,
  rejects,
  trailer,
  withReader,
} from './media-store-fixture.ts'

interface Frame extends CompressedFrame {
  readonly stored: Buffer
}

/** Bytes half of which can be compressed, in frames of 512 to 100,000 bytes. */
async function framesOf(
  compression: Compression,
  seed: number,
  byteLength: number,
): Promise<{ readonly payload: Buffer; readonly frames: readonly Frame[] }> {
  const payload = noise(seed, byteLength)
  payload.fill('text that repeats. ', Math.floor(byteLength / 2))
  const random = seededRandom(seed)
  const frames: Frame[] = []
  for (let at = 0; at < byteLength;) {
    const streamBytes = Math.min(byteLength - at, 512 * (1 + Math.floor(random() * 195)))
    const stored = await compressFrame(payload.subarray(at, at + streamBytes), compression)
    frames.push({ stored, streamBytes, startsAtMember: at === 0 || random() < 0.3 })
    at += streamBytes
  }
  return { payload, frames }
}

async function storeFrames(
  fixture: MediaStoreFixture,
  compression: Compression,
  frames: readonly Frame[],
  what: { readonly fragment?: Partial<NewFragment>; readonly trailer?: Partial<FragmentTrailer> } = {},
): Promise<FragmentRecord> {
  const medium = await mount(fixture, 'backup')
  try {
    const writer = await medium.createFragment({ ...newFragment(), compression, ...what.fragment })
    for (const frame of frames) {
      const stored = Buffer.from(frame.stored)
      await writer.writeFrame({ ...frame, stored })
      stored.fill(0xee)
    }
    assert.equal(writer.storedBytes, storedBytesOf(frames))
    assert.equal(
      writer.streamBytes,
      frames.reduce((sum, { streamBytes }) => sum + streamBytes, 0),
    )
    return await writer.commit({ ...trailer(), ...what.trailer })
  } finally {
    await medium.unmount()
  }
}

function storedBytesOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { stored }) => sum + stored.length, 0)
}

/** What a store owes to compressed fragments. */
export function compressedFragments(check: Check): void {
  for (const compression of ['zstd', 'gzip'] as const)
    if (compressionUnsupported(compression) === undefined) fragmentsOf(compression, check)
}

function fragmentsOf(compression: Compression, check: Check): void {
  check(`${compression}: any range of a fragment can be read, and all of its frames`, async (fixture) => {
    const { payload, frames } = await framesOf(compression, 21, 3 * 2 ** 20)
    const record = await storeFrames(fixture, compression, frames)
    assert.deepEqual(ofStream(record), {
      ...{ number: 1, streamOffset: 0, streamBytes: payload.length, wholeMembers: true },
      storedBytes: storedBytesOf(frames),
    })
    assert.ok((await readBack(fixture, record)).equals(payload))
    const random = seededRandom(22)
    await withReader(fixture, record, async (reader) => {
      for (let round = 0; round < 30; round++) {
        const offset = Math.floor(random() * payload.length)
        const bytes = Math.floor(random() * Math.min(payload.length - offset, 2 ** (6 + (round % 16))))
        const found = await collect(reader.read({ offset, bytes }))
        assert.ok(found.equals(payload.subarray(offset, offset + bytes)), `${bytes} bytes at ${offset}`)
      }
      let index = 0
      for await (const { stored, streamBytes, startsAtMember } of reader.frames()) {
        const frame = frames[index++]
        if (frame === undefined) assert.fail('there is a frame too many')
        assert.ok(frame.stored.equals(stored))
        assert.deepEqual([frame.streamBytes, frame.startsAtMember], [streamBytes, startsAtMember])
      }
      assert.equal(index, frames.length)
    })
  })
  check(`${compression}: a fragment may be empty, and tells of itself what was told`, async (fixture) => {
    const image = { backupId, name: 'ä'.repeat(50_000) }
    const list = [noise(23, 100), noise(24, 400_000)]
    const part = { image, fileList: list, endsAtMember: true, last: false }
    const record = await storeFrames(fixture, compression, [], { trailer: part })
    assert.equal((await readBack(fixture, record)).length, 0)
    const medium = await mount(fixture, 'restore')
    const found = await medium.describeFragment({ backupId, copy: 1, number: 1 })
    if (found === undefined) assert.fail('the fragment is not there')
    assert.deepEqual(found.fragment, record)
    assert.deepEqual(found.image, image)
    assert.equal(found.last, false)
    assert.ok((await collect(found.readFileList())).equals(Buffer.concat(list)))
    await found.close()
    await medium.unmount()
  })
  check(
    `${compression}: a damaged block is told with what is lost, and all else is read`,
    async (fixture) => {
      const { payload, frames } = await framesOf(compression, 25, 4 * 2 ** 20)
      const record = await storeFrames(fixture, compression, frames)
      const at = Math.floor(storedBytesOf(frames) / 3)
      await fixture.damage({ backupId, copy: 1, number: 1, offset: at })
      await withReader(fixture, record, async (reader) => {
        const delivered: Buffer[] = []
        const reading = async (): Promise<void> => {
          for await (const chunk of reader.read({ offset: 0, bytes: payload.length }))
            delivered.push(Buffer.from(chunk))
        }
        const { details } = await rejects(reading(), 'fragment-corrupt')
        assert.equal(details['block'], Math.floor(at / record.blockBytes))
        const { lostOffset, lostBytes } = details as Readonly<Record<string, number>>
        if (lostOffset === undefined || lostBytes === undefined) assert.fail('it is not told what is lost')
        const sent = Buffer.concat(delivered)
        assert.ok(sent.length <= lostOffset && sent.equals(payload.subarray(0, sent.length)))
        const before = await collect(reader.read({ offset: 0, bytes: lostOffset }))
        assert.ok(before.equals(payload.subarray(0, lostOffset)))
        const end = lostOffset + lostBytes
        const after = await collect(reader.read({ offset: end, bytes: payload.length - end }))
        assert.ok(after.equals(payload.subarray(end)))
        assert.ok(lostBytes < payload.length / 2, `${lostBytes} bytes are lost`)
      })
    },
  )
  check(`${compression}: a frame that is not what is told of it is corrupt`, async (fixture) => {
    const bomb = await compressFrame(Buffer.alloc(2 ** 22), compression)
    const short = await compressFrame(Buffer.alloc(512), compression)
    const garbage = noise(26, 700)
    const good = await compressFrame(Buffer.alloc(1024, 'good'), compression)
    const frames = [bomb, short, garbage, good].map((stored) => ({
      stored,
      streamBytes: 1024,
      startsAtMember: true,
    }))
    const record = await storeFrames(
      fixture,
      compression,
      frames.filter(({ stored }) => stored.length < 1500),
    )
    const fitting = frames.filter(({ stored }) => stored.length < 1500)
    await withReader(fixture, record, async (reader) => {
      for (const [index, { stored }] of fitting.entries()) {
        const range = { offset: index * 1024, bytes: 1024 }
        if (stored === good) {
          assert.ok((await collect(reader.read(range))).equals(Buffer.alloc(1024, 'good')))
          continue
        }
        const { details } = await rejects(collect(reader.read(range)), 'fragment-corrupt')
        assert.deepEqual([details['lostOffset'], details['lostBytes']], [range.offset, 1024])
      }
    })
  })
  check(`${compression}: fragments are written in frames or not at all`, async (fixture) => {
    const medium = await mount(fixture, 'backup')
    const frame = {
      stored: await compressFrame(Buffer.alloc(512), compression),
      streamBytes: 512,
      startsAtMember: true,
    }
    const plain = await medium.createFragment(newFragment())
    await assert.rejects(plain.writeFrame(frame), TypeError)
    await plain.discard()
    const compressed = await medium.createFragment({ ...newFragment(), compression })
    await assert.rejects(compressed.write(Buffer.alloc(512)), TypeError)
    await assert.rejects(compressed.writeFrame({ ...frame, streamBytes: 500 }), TypeError)
    await medium.unmount()
  })
}

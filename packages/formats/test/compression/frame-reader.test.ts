import t from 'tap'
import {
  FrameIndex,
  FrameIndexWriter,
  FrameReader,
  type FrameSource,
  compressFrame,
} from '../../src/index.ts'

const FRAME = 64 * 1024

async function storedFrames(frames: number) {
  const stream = Buffer.from(Uint8Array.from({ length: frames * FRAME }, (_, at) => (at * at) >>> 7))
  const writer = new FrameIndexWriter()
  const stored: Buffer[] = []
  for (let at = 0; at < stream.length; at += FRAME) {
    const frame = await compressFrame(stream.subarray(at, at + FRAME), 'gzip')
    writer.add({ storedBytes: frame.length, streamBytes: FRAME, startsAtMember: true })
    stored.push(frame)
  }
  const bytes = Buffer.concat(stored)
  const index = new FrameIndex(writer.finish(), { storedBytes: bytes.length, payloadBytes: stream.length })
  return { stream, bytes, index }
}

async function fragmentOf(frames: number) {
  const { stream, bytes, index } = await storedFrames(frames)
  const reader = new FrameReader({
    async *read({ offset, bytes: count }) {
      yield bytes.subarray(offset, offset + count)
    },
    frames: index,
    compression: 'gzip',
    damaged: (error) => error,
    failed: (error) => error,
  })
  return { stream, reader }
}

t.test(
  'the memory of a piece is given back when the next is delivered, the last one stays for reads nearby',
  async (t) => {
    const { stream, reader } = await fragmentOf(9)
    const canLetGo = 'transfer' in ArrayBuffer.prototype
    const pieces: Uint8Array[] = []
    const whole: Buffer[] = []
    for await (const piece of reader.read({ offset: 5, bytes: 8 * FRAME })) {
      whole.push(Buffer.from(piece))
      const before = pieces.at(-1)
      if (canLetGo && before !== undefined) t.equal(before.length, 0)
      pieces.push(piece)
    }
    t.ok(Buffer.concat(whole).equals(stream.subarray(5, 5 + 8 * FRAME)))
    t.equal(pieces.length, 9)
    t.equal(pieces.at(-1)?.length, 5)
    const again: Buffer[] = []
    for await (const piece of reader.read({ offset: 8 * FRAME + 5, bytes: FRAME - 5 }))
      again.push(Buffer.from(piece))
    t.ok(Buffer.concat(again).equals(stream.subarray(8 * FRAME + 5)))
  },
)

t.test(
  'what is lost by a damaged frame, or by stored bytes that can not be read, is told in bytes of the stream',
  async (t) => {
    const { index, bytes } = await storedFrames(4)
    const broken = Buffer.from(bytes)
    const { storedOffset, storedBytes } = index.frame(2)
    broken.fill(0xff, storedOffset + 20, storedOffset + storedBytes)
    const failures: unknown[] = []
    const reader = (read: FrameSource['read']): FrameReader =>
      new FrameReader({
        read,
        frames: index,
        compression: 'gzip',
        damaged: (error, lost) => Object.assign(error, { lost }),
        failed: (error, lostIn) => {
          failures.push(lostIn(storedOffset, storedOffset + 1), lostIn(0, bytes.length))
          return error
        },
      })
    const all = { offset: 0, bytes: 4 * FRAME }
    const collect = async (one: FrameReader): Promise<number> => {
      let length = 0
      for await (const piece of one.read(all)) length += piece.length
      return length
    }
    const damaged = reader(async function* ({ offset, bytes: count }) {
      yield broken.subarray(offset, offset + count)
    })
    const error: unknown = await collect(damaged).catch((failure: unknown) => failure)
    t.match(error, { code: 'FRAME_INVALID', lost: { lostOffset: 2 * FRAME, lostBytes: FRAME } })
    const unreadable = reader(async function* ({ offset }) {
      yield bytes.subarray(offset, storedOffset)
      throw new Error('unreadable')
    })
    await t.rejects(collect(unreadable), { message: 'unreadable' })
    t.same(failures, [
      { lostOffset: 2 * FRAME, lostBytes: FRAME },
      { lostOffset: 0, lostBytes: 4 * FRAME },
    ])
  },
)

import { FrameIndex, FrameIndexWriter, compressFrame } from '@nb/formats'
import t from 'tap'
import { CompressedFragmentReader } from '../src/compressed-reader.ts'
import type { StoredPayload } from '../src/stored-payload.ts'

const FRAME = 64 * 1024

async function fragmentOf(frames: number) {
  const stream = Buffer.from(Uint8Array.from({ length: frames * FRAME }, (_, at) => (at * at) >>> 7))
  const writer = new FrameIndexWriter()
  const stored: Buffer[] = []
  for (let at = 0; at < stream.length; at += FRAME) {
    const frame = await compressFrame(stream.subarray(at, at + FRAME), 'gzip')
    writer.add({ storedBytes: frame.length, streamBytes: FRAME, startsAtMember: true })
    stored.push(frame)
  }
  const bytes = Buffer.concat(stored)
  const payload: Pick<StoredPayload, 'read' | 'close'> = {
    async *read({ offset, bytes: count }) {
      yield bytes.subarray(offset, offset + count)
    },
    close: () => Promise.resolve(),
  }
  const reader = new CompressedFragmentReader({
    payload: payload as StoredPayload,
    frames: new FrameIndex(writer.finish(), { storedBytes: bytes.length, payloadBytes: stream.length }),
    compression: 'gzip',
    blockBytes: FRAME,
    identity: { storageUnit: 'disk1', backupId: 'web1_1', copy: 1, number: 1, path: '/unit/web1_1' },
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

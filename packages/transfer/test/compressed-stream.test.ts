import type { CompressedFrame } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { FRAME_HEAD_BYTES, FrameMeter, FrameSplitter, encodeFrameHead } from '../src/compressed-stream.ts'

const frame = fc.record({
  stored: fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  streamBytes: fc.integer({ min: 1, max: 8192 }).map((blocks) => blocks * 512),
  startsAtMember: fc.boolean(),
})

function bytesOf(frames: readonly CompressedFrame[]): Buffer {
  return Buffer.concat(
    frames.flatMap(({ stored, streamBytes, startsAtMember }) => {
      const head = Buffer.alloc(FRAME_HEAD_BYTES)
      encodeFrameHead({ storedBytes: stored.length, streamBytes, startsAtMember }, head)
      return [head, Buffer.from(stored)]
    }),
  )
}

t.test('frames are what was sent, however the channel cuts them', async () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 12 }),
      fc.integer({ min: 1, max: 700 }),
      (frames, chunkBytes) => {
        const bytes = bytesOf(frames)
        const splitter = new FrameSplitter()
        const meter = new FrameMeter()
        const found: CompressedFrame[] = []
        let streamBytes = 0
        for (let at = 0; at < bytes.length; at += chunkBytes) {
          const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes))
          streamBytes += meter.push(chunk)
          for (const each of splitter.push(chunk)) found.push({ ...each, stored: Buffer.from(each.stored) })
          chunk.fill(0xee)
          const whole = found.reduce((sum, each) => sum + each.streamBytes, 0)
          if (whole !== streamBytes) throw new Error('the meter and the splitter do not agree')
        }
        splitter.finish()
        const same = frames.every((each, index) => {
          const other = found[index]
          return (
            other !== undefined &&
            other.streamBytes === each.streamBytes &&
            other.startsAtMember === each.startsAtMember &&
            each.stored.equals(other.stored)
          )
        })
        return same && found.length === frames.length
      },
    ),
    { numRuns: 150 },
  )
})

t.test('what is no frame, or a part of one, is refused', async (t) => {
  const read = (bytes: Buffer): void => {
    const splitter = new FrameSplitter()
    for (const _ of splitter.push(bytes)) continue
    splitter.finish()
  }
  const good = bytesOf([{ stored: Buffer.alloc(100), streamBytes: 512, startsAtMember: true }])
  t.doesNotThrow(() => read(good))
  t.throws(() => read(good.subarray(0, -1)), { code: 'message-invalid', message: /inside a frame/ })
  t.throws(() => read(Buffer.concat([good, Buffer.alloc(5)])), { code: 'message-invalid' })
  t.throws(() => read(Buffer.alloc(20)), { code: 'message-invalid', message: /no frame/ })
  for (const [storedBytes, streamBytes] of [
    [0, 512],
    [100, 0],
    [100, 513],
    [100, 2 ** 22 + 512],
    [2000, 512],
    [2 ** 32 - 1, 2 ** 22],
  ] as const) {
    const head = Buffer.alloc(FRAME_HEAD_BYTES)
    encodeFrameHead({ storedBytes, streamBytes, startsAtMember: false }, head)
    t.throws(() => read(head), { code: 'message-invalid' }, `${storedBytes} for ${streamBytes}`)
    t.throws(() => new FrameMeter().push(head), { code: 'message-invalid' })
  }
})

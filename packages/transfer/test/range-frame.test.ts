import fc from 'fast-check'
import t from 'tap'
import { RANGE_FRAME_BYTES, RangeSplitter, decodeRangeFrame, encodeRangeFrame } from '../src/range-frame.ts'

t.test('frames and runs come apart as they were put together, in chunks of any size', (t) => {
  const run = fc.record({
    imageIndex: fc.nat({ max: 2 ** 32 - 1 }),
    streamOffset: fc.nat({ max: Number.MAX_SAFE_INTEGER - 10_000 }),
    content: fc.uint8Array({ minLength: 1, maxLength: 500 }),
  })
  fc.assert(
    fc.property(fc.array(run, { maxLength: 10 }), fc.integer({ min: 1, max: 700 }), (runs, chunkBytes) => {
      const stream = Buffer.concat(
        runs.flatMap(({ imageIndex, streamOffset, content }) => {
          const head = Buffer.alloc(RANGE_FRAME_BYTES)
          encodeRangeFrame({ imageIndex, streamOffset, bytes: content.length }, head)
          return [head, content]
        }),
      )
      const found: { imageIndex: number; streamOffset: number; content: number[] }[] = []
      const splitter = new RangeSplitter()
      for (let at = 0; at < stream.length; at += chunkBytes)
        splitter.push(stream.subarray(at, at + chunkBytes), {
          onRange: ({ imageIndex, streamOffset }) =>
            void found.push({ imageIndex, streamOffset, content: [] }),
          onBytes: (chunk) => void found.at(-1)?.content.push(...chunk),
        })
      const expected = runs.map((each) => ({ ...each, content: [...each.content] }))
      return splitter.atFrameBoundary && JSON.stringify(found) === JSON.stringify(expected)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('what is no frame is refused', (t) => {
  const refused = { code: 'message-invalid', status: 43 }
  t.throws(() => decodeRangeFrame(Buffer.alloc(RANGE_FRAME_BYTES)), refused)
  const frame = Buffer.alloc(RANGE_FRAME_BYTES)
  encodeRangeFrame({ imageIndex: 0, streamOffset: 0, bytes: 0 }, frame)
  t.throws(() => decodeRangeFrame(frame), refused, 'an empty run')
  encodeRangeFrame({ imageIndex: 0, streamOffset: Number.MAX_SAFE_INTEGER, bytes: 1 }, frame)
  t.throws(() => decodeRangeFrame(frame), refused, 'beyond every stream')
  const splitter = new RangeSplitter()
  encodeRangeFrame({ imageIndex: 0, streamOffset: 0, bytes: 2 }, frame)
  splitter.push(frame.subarray(0, 5), { onRange: () => undefined, onBytes: () => undefined })
  t.notOk(splitter.atFrameBoundary)
  t.end()
})

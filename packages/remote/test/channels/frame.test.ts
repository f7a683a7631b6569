import fc from 'fast-check'
import t from 'tap'
import {
  createFrameParser,
  creditFrame,
  frameHeader,
  frameKinds,
  mostDataBytes,
  packedHeader,
  smallFrame,
} from '../../src/channels/frame.ts'

interface Heard {
  data: Buffer
  readonly words: string[]
}

function listen(): { readonly heard: Heard; readonly parse: (bytes: Uint8Array) => void } {
  const heard: Heard = { data: Buffer.alloc(0), words: [] }
  const note = (word: string): void => void heard.words.push(`${heard.data.length} ${word}`)
  const parse = createFrameParser({
    data: (piece) => (heard.data = Buffer.concat([heard.data, piece])),
    end: () => note('end'),
    abort: (reason) => note(`abort ${reason}`),
    credit: (bytes) => note(`credit ${bytes}`),
    packed: (bytes, packed) => note(`packed ${bytes} ${Buffer.from(packed).toString('hex')}`),
  })
  return { heard, parse }
}

const anyFrame = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .map((data) => Buffer.concat([frameHeader(frameKinds.data, data.length), data])),
  fc.constant(smallFrame(frameKinds.end)),
  fc.string({ unit: 'grapheme' }).map((reason) => smallFrame(frameKinds.abort, Buffer.from(reason))),
  fc.integer({ min: 1, max: 2 ** 31 }).map((bytes) => creditFrame(bytes)),
  fc
    .tuple(fc.integer({ min: 1, max: mostDataBytes }), fc.uint8Array({ minLength: 1, maxLength: 100 }))
    .map(([bytes, packed]) => Buffer.concat([packedHeader(bytes, packed.length), packed])),
)

t.test('frames are the same however the connection cuts them', async () => {
  fc.assert(
    fc.property(fc.array(anyFrame), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames)
      const whole = listen()
      whole.parse(bytes)
      const cut = listen()
      let at = 0
      for (const size of cuts) {
        cut.parse(bytes.subarray(at, at + size))
        at += size
      }
      cut.parse(bytes.subarray(at))
      return (
        whole.heard.data.equals(cut.heard.data) &&
        JSON.stringify(whole.heard.words) === JSON.stringify(cut.heard.words)
      )
    }),
  )
})

t.test('what is no frame, or too large a one, is refused before it is held', async (t) => {
  const refused = (bytes: Uint8Array): void => {
    t.throws(() => listen().parse(bytes), { code: 'message-invalid' })
  }
  refused(frameHeader(frameKinds.data, mostDataBytes + 1))
  refused(frameHeader(frameKinds.packed, mostDataBytes + 1))
  refused(frameHeader(frameKinds.abort, 2 ** 31))
  refused(Buffer.from([0, 0, 0, 0, 0]))
  refused(Buffer.from([9, 0, 0, 0, 1, 1]))
  refused(smallFrame(frameKinds.credit, Buffer.from([1])))
  refused(Buffer.from('GET / HTTP/1.1\r\n'))
})

t.test('what says nothing, over and over, is refused', async (t) => {
  const alive = (count: number): Buffer =>
    Buffer.concat(Array.from({ length: count }, () => smallFrame(frameKinds.alive)))
  const { parse } = listen()
  for (let piece = 0; piece < 10; piece++) parse(alive(256))
  t.throws(() => parse(alive(257)), { code: 'message-invalid', message: /kind 5/ })
  for (const empty of [frameHeader(frameKinds.data, 0), frameHeader(frameKinds.packed, 0), creditFrame(0)])
    t.throws(() => listen().parse(empty), { code: 'message-invalid' })
})

t.test('any bytes end in frames or in a refusal, never in anything else', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        listen().parse(bytes)
        return true
      } catch (error) {
        return (error as { code?: unknown }).code === 'message-invalid'
      }
    }),
  )
})

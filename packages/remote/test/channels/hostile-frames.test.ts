import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { NbError } from '@nb/contracts'
import { createVirtualClock, numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { frameHeader, frameKinds, smallFrame } from '../../src/channels/frame.ts'
import { FramedChannel, windowBytes } from '../../src/channels/framed-channel.ts'

const isLong = process.env['NB_LONG'] === '1'
const histories = isLong ? 20_000 : 300
t.setTimeout(isLong ? 600_000 : 30_000)
const seed = numberSetting('NB_SEED', 20260101)

/** A connection whose other end is the test. */
function connection(): {
  readonly near: Duplex
  readonly arrive: (bytes: Buffer) => void
  readonly said: Buffer[]
} {
  const said: Buffer[] = []
  const near = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => {
      said.push(bytes)
      done()
    },
  })
  return { near, arrive: (bytes) => void near.push(bytes), said }
}

t.test(
  `${histories} peers that send whatever frames: a channel gives what came, or is broken (seed ${seed})`,
  async (t) => {
    const random = seededRandom(seed)
    const below = (most: number): number => Math.floor(random() * most)
    const reasons = new Map<string, number>()
    for (let history = 0; history < histories; history++) {
      const { near, arrive } = connection()
      const channel = new FramedChannel(near, createVirtualClock())
      const sent: Buffer[] = []
      const frames: Buffer[] = []
      for (let number = below(30); number > 0; number--) {
        const kind = random() < 0.7 ? frameKinds.data : below(8)
        const payload = Buffer.alloc(below(random() < 0.9 ? 50 : 70_000), number)
        const told = random() < 0.97 ? payload.length : below(2 ** 32)
        const frame =
          kind === frameKinds.data || random() < 0.5
            ? Buffer.concat([frameHeader(kind as 1, told), payload])
            : smallFrame(kind as 2)
        frames.push(frame)
        if (kind === frameKinds.data) sent.push(payload)
      }
      const bytes = Buffer.concat(frames)
      for (let at = 0; at < bytes.length;) {
        const piece = bytes.subarray(at, at + 1 + below(random() < 0.5 ? 7 : 100_000))
        arrive(Buffer.from(piece))
        at += piece.length
      }
      const got: Uint8Array[] = []
      const write = channel.write(Buffer.alloc(below(3) * windowBytes + 1)).catch((error: unknown) => error)
      const ended = new Promise<'quiet'>((resolve) => setImmediate(() => setImmediate(resolve, 'quiet')))
      for (;;) {
        const read = await Promise.race([channel.read().catch((error: unknown) => error), ended])
        if (read instanceof Uint8Array) {
          // It is valid until the next read.
          got.push(Buffer.from(read))
          continue
        }
        const how =
          read instanceof NbError
            ? `${read.code}: ${/broken: (\D*)/.exec(read.message)?.[1] ?? read.message}`
            : String(read)
        if (read instanceof NbError) assert.equal(read.code, 'channel-broken')
        else assert.ok(read === undefined || read === 'quiet', how)
        reasons.set(how, (reasons.get(how) ?? 0) + 1)
        break
      }
      const all = Buffer.concat(got)
      assert.ok(Buffer.concat(sent).subarray(0, all.length).equals(all), 'what was read is what was sent')
      channel.abort('over')
      near.destroy()
      await write
    }
    t.comment(JSON.stringify(Object.fromEntries(reasons), undefined, 1))
    t.ok(reasons.size > 3)
    t.notOk(
      [...reasons.keys()].some((reason) => /\p{Cc}/u.test(reason)),
      'no reason does anything on a terminal',
    )
  },
)

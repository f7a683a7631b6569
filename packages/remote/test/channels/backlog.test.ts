import { randomBytes } from 'node:crypto'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t from 'tap'
import { Backlog } from '../../src/channels/backlog.ts'
import { letGo } from '../../src/channels/let-go.ts'

t.test('what is taken is what was added, in order, whatever the pieces', async (t) => {
  const seed = numberSetting('NB_SEED', 1)
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const backlog = new Backlog()
  const [added, taken]: [Uint8Array[], Uint8Array[]] = [[], []]
  let last: Uint8Array | undefined
  for (let step = 0; step < 5000; step++) {
    if (random() < 0.6) {
      const around = randomBytes(1 + Math.floor(random() ** 4 * 200_000))
      const piece = around.subarray(Math.floor(random() * around.length))
      backlog.push(piece)
      added.push(Buffer.from(piece))
    } else {
      // What was taken before stayed as it was until now.
      if (last !== undefined) taken.push(Buffer.from(last))
      last = backlog.shift()
    }
  }
  for (; last !== undefined; last = backlog.shift()) taken.push(Buffer.from(last))
  for (let piece = backlog.shift(); piece !== undefined; piece = backlog.shift())
    taken.push(Buffer.from(piece))
  t.ok(Buffer.concat(added).equals(Buffer.concat(taken)))
})

t.test('single bytes, each in a buffer of its own, take little more than themselves', async (t) => {
  const backlog = new Backlog()
  const buffers = (): number => process.memoryUsage().arrayBuffers
  const before = buffers()
  for (let at = 0; at < 100_000; at++) backlog.push(new Uint8Array(16_384).subarray(5, 6))
  const around = new Set<ArrayBufferLike>()
  let bytes = 0
  for (let piece = backlog.shift(); piece !== undefined; piece = backlog.shift()) {
    around.add(piece.buffer)
    bytes += piece.length
  }
  t.equal(bytes, 100_000)
  t.equal(around.size, 2)
  backlog.push(new Uint8Array(1))
  t.ok(around.has(backlog.shift()?.buffer as ArrayBufferLike), 'memory is used again')
  t.comment(`${buffers() - before} bytes of buffers by the end`)
})

t.test('memory is given back that no one else has a part of', (t) => {
  const whole = new Uint8Array(16_384)
  letGo(whole)
  // Node.js 20 can't.
  t.equal(whole.length, 'transfer' in ArrayBuffer.prototype ? 0 : 16_384)
  const shared = new Uint8Array(new SharedArrayBuffer(16_384))
  const part = new Uint8Array(16_385).subarray(1)
  const pooled = Buffer.from('as small as what lies in a pool')
  for (const kept of [shared, part, pooled]) letGo(kept)
  t.same([shared.length, part.length, pooled.length], [16_384, 16_384, 31])
  t.end()
})

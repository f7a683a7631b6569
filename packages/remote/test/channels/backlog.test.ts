import { randomBytes } from 'node:crypto'
import { seededRandom } from '@nb/test-kit'
import t from 'tap'
import { Backlog } from '../../src/channels/backlog.ts'

t.test('what is taken is what was added, in order, whatever the pieces', async (t) => {
  const seed = Number(process.env['NB_SEED'] ?? 1)
  t.comment(`seed ${seed}`)
  const random = seededRandom(seed)
  const backlog = new Backlog()
  const [added, taken]: [Uint8Array[], Uint8Array[]] = [[], []]
  for (let step = 0; step < 5000; step++) {
    if (random() < 0.6) {
      const around = randomBytes(1 + Math.floor(random() ** 4 * 200_000))
      const piece = around.subarray(Math.floor(random() * around.length))
      backlog.push(piece)
      added.push(Buffer.from(piece))
    } else {
      const piece = backlog.shift()
      // What was taken stays as it is.
      if (piece !== undefined) taken.push(piece)
    }
  }
  for (let piece = backlog.shift(); piece !== undefined; piece = backlog.shift()) taken.push(piece)
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
  t.comment(`${buffers() - before} bytes of buffers by the end`)
})

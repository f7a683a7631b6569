import t from 'tap'
import { MemoryPool } from '../src/memory-pool.ts'

t.test('a piece that was given back is the next of its length, the last one first', async (t) => {
  const pool = new MemoryPool()
  const [a, b, other] = [pool.take(1000), pool.take(1000), pool.take(500)]
  t.not(a, b)
  pool.giveBack(a)
  pool.giveBack(b)
  pool.giveBack(other)
  t.equal(pool.idleBytes, 2500)
  t.equal(pool.take(1000), b)
  t.equal(pool.take(1000), a)
  t.equal(pool.take(500), other)
  t.equal(pool.idleBytes, 0)
  t.equal(pool.take(1000).byteLength, 1000)
})

t.test('no more is kept than was said', async (t) => {
  const pool = new MemoryPool(2500)
  const pieces = Array.from({ length: 4 }, () => pool.take(1000))
  for (const piece of pieces) pool.giveBack(piece)
  t.equal(pool.idleBytes, 2000)
  pool.take(1000)
  t.equal(pool.idleBytes, 1000)
})

t.test('half of what is left is left to others, and nobody gets less than it needs', async (t) => {
  const pool = new MemoryPool(1000, 1000)
  const taken: SharedArrayBuffer[] = []
  const next = (): number => {
    const blocks = pool.share(10, 30, 4)
    taken.push(pool.take(blocks * 10))
    return blocks
  }
  t.same(
    Array.from({ length: 8 }, () => next()),
    [30, 30, 15, 7, 7, 4, 4, 4],
  )
  t.equal(pool.lentBytes, 1010)
  for (const piece of taken.slice(0, 4)) pool.giveBack(piece)
  for (const piece of taken.slice(4)) pool.letGo(piece)
  t.equal(pool.lentBytes, 0)
  t.equal(pool.share(10, 30, 4), 30)
  t.equal(pool.share(10, 2, 2), 2)
  t.equal(pool.share(1000, 30, 4), 4)
})

import t from 'tap'
import { copyToShared } from '../src/copy-to-shared.ts'

t.test('bytes come to shared memory as they are, wherever they lie in it and in theirs', async (t) => {
  const source = Buffer.from(Array.from({ length: 40 }, (_, at) => at + 1))
  for (const at of [0, 3, 8])
    for (const from of [0, 1, 8])
      for (const to of [from + 1, from + 2, 33, source.length]) {
        const target = Buffer.from(new SharedArrayBuffer(64))
        copyToShared(source, target, at, from, to)
        const expected = Buffer.concat([Buffer.alloc(at), source.subarray(from, to)], target.length)
        t.ok(target.equals(expected), `${from}–${to} at ${at}`)
      }
})

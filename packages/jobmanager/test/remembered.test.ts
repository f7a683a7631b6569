import t from 'tap'
import { Remembered } from '../src/remembered.ts'

t.test('the values that were set last are there, and never twice as many', async (t) => {
  const remembered = new Remembered<number>(10)
  for (let key = 0; key < 1000; key++) {
    remembered.set(`${key}`, key)
    const lasts = Array.from({ length: Math.min(10, key + 1) }, (_, back) => key - back)
    t.ok(lasts.every((last) => remembered.get(`${last}`) === last))
    t.equal(remembered.get(`${key - 20}`), undefined)
  }
})

t.test('what is taken out or set again is so', async (t) => {
  const remembered = new Remembered<string>(2)
  for (const key of ['a', 'b', 'c']) remembered.set(key, key)
  remembered.set('a', 'again')
  t.equal(remembered.get('a'), 'again')
  remembered.delete('a')
  t.equal(remembered.get('a'), undefined)
  remembered.clear()
  t.equal(remembered.get('c'), undefined)
})

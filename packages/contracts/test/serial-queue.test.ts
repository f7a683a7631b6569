import t from 'tap'
import { SerialQueue } from '../src/serial-queue.ts'

t.test('tasks run one after the other, in order, and a failed one does not stop the next', async (t) => {
  const queue = new SerialQueue()
  const seen: string[] = []
  const task = (name: string) => async () => {
    seen.push(`+${name}`)
    await new Promise((resolve) => setImmediate(resolve))
    seen.push(`-${name}`)
    if (name === 'b') throw new Error('b fails')
    return name
  }
  const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => queue.run(task(name))))
  t.same(seen, ['+a', '-a', '+b', '-b', '+c', '-c'])
  t.match(results, [{ value: 'a' }, { status: 'rejected' }, { value: 'c' }])
  await queue.settled()
})

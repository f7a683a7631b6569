import { MemoryLevel } from 'memory-level'
import type { Store } from '@nb/contracts'
import t from 'tap'
import { createWriteQueue } from '../src/write-queue.ts'

function open() {
  const store = new MemoryLevel<string, string>()
  const batches: { readonly keys: string[]; readonly sync: boolean }[] = []
  const batch = store.batch.bind(store) as (...input: unknown[]) => Promise<void>
  Object.assign(store, {
    batch: async (operations: { key: string }[], options: { sync: boolean }) => {
      if (operations.some(({ key }) => key === 'bad'))
        throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      batches.push({ keys: operations.map(({ key }) => key), sync: options.sync })
      await batch(operations, options)
    },
  })
  const sublevel = store.sublevel('x', {}) as unknown as Store
  const put = (key: string) => ({ type: 'put', sublevel, key, value: key }) as const
  return { queue: createWriteQueue(store), batches, put, sublevel }
}

t.test(
  'what is asked for together is written together, in order, and synced when one of it must be',
  async (t) => {
    const { queue, batches, put, sublevel } = open()
    const order: string[] = []
    await Promise.all([
      queue.write([put('a')]).then(() => order.push('a')),
      queue.write([put('b'), put('c')], { sync: true }).then(() => order.push('b')),
      queue.write([put('d')]).then(() => order.push('d')),
    ])
    t.strictSame(order, ['a', 'b', 'd'])
    t.strictSame(batches, [{ keys: ['a', 'b', 'c', 'd'], sync: true }])
    await queue.write([{ type: 'del', sublevel, key: 'a' }])
    t.equal(batches.at(-1)?.sync, false)
    t.equal(await sublevel.get('a'), undefined)
  },
)

t.test('a failure is told to those it hit, and the next write works', async (t) => {
  const { queue, put, sublevel } = open()
  await t.rejects(queue.write([put('bad')]), { code: 'disk-full', status: 155 })
  await queue.write([put('good')])
  await queue.drained()
  t.equal(await sublevel.get('good'), 'good')
})

import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { NbError, enterStore, readStoreForm } from '../src/index.ts'

const owner = 'the store of this test'

t.test(
  'a store without a note has form 1, and notes the present one before anything is written',
  async (t) => {
    const store = new MemoryLevel<string, string>()
    t.equal(await readStoreForm(store, owner), 1)
    await enterStore(store, 1, owner)
    t.same(await store.keys().all(), [], 'form 1 needs no note')
    await enterStore(store, 3, owner)
    t.equal(await readStoreForm(store, owner), 3)
    t.equal(await store.sublevel('form').get('form'), '3', 'as the documentation says')
    await enterStore(store, 3, owner)
  },
)

t.test('a store of a newer form is refused by number, and left as it is', async (t) => {
  const store = new MemoryLevel<string, string>()
  await enterStore(store, 4, owner)
  const before = await store.iterator().all()
  await t.rejects(enterStore(store, 3, owner), {
    code: 'version-unsupported',
    message: 'the store of this test has form 4, this version knows up to 3; use a newer version',
    details: { form: 4, known: 3 },
  })
  t.same(await store.iterator().all(), before)
})

t.test('a note that says nothing is told, and never taken for form 1', async (t) => {
  for (const note of ['"two"', '{', '1.5', 'null']) {
    const store = new MemoryLevel<string, string>()
    await store.sublevel('form').put('form', note)
    await t.rejects(enterStore(store, 2, owner), { code: 'store-corrupt' }, note)
  }
})

t.test('a store that can not be read or written says so', async (t) => {
  const store = new MemoryLevel<string, string>()
  await store.open()
  const refusing = (method: 'get' | 'batch'): MemoryLevel<string, string> =>
    new Proxy(store, {
      get: (target, name) => {
        if (name === 'sublevel' && method === 'get')
          return () => ({ get: () => Promise.reject(new Error('no')) })
        if (name === method) return () => Promise.reject(new Error('no'))
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  for (const method of ['get', 'batch'] as const)
    await t.rejects(enterStore(refusing(method), 2, owner), { code: 'store-failed' }, method)
  t.ok(new NbError('store-failed', '').retryable, 'asking again may help')
})

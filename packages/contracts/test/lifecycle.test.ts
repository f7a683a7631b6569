import t from 'tap'
import { lifecycle } from '../src/lifecycle.ts'

const part = (name: string, seen: string[], failing: 'start' | 'stop' | 'never' = 'never') => ({
  start: async () => {
    seen.push(`+${name}`)
    if (failing === 'start') throw new Error(`${name} can't start`)
  },
  stop: async () => {
    seen.push(`-${name}`)
    if (failing === 'stop') throw new Error(`${name} can't stop`)
  },
})

t.test('parts start in order and stop in reverse, each once', async (t) => {
  const seen: string[] = []
  const all = lifecycle(part('a', seen), part('b', seen))
  await all.start()
  await all.start()
  await all.stop()
  await all.stop()
  t.same(seen, ['+a', '+b', '-b', '-a'])
})

t.test('when one fails to start, what had started is stopped', async (t) => {
  const seen: string[] = []
  await t.rejects(
    lifecycle(part('a', seen), part('b', seen, 'start'), part('c', seen)).start(),
    /b can't start/,
  )
  t.same(seen, ['+a', '+b', '-b', '-a'])
})

t.test('stopping goes on over failures and tells them all', async (t) => {
  const seen: string[] = []
  const all = lifecycle(part('a', seen, 'stop'), part('b', seen, 'stop'))
  await all.start()
  const error = await all.stop().then(
    () => undefined,
    (reason: unknown) => reason as AggregateError,
  )
  t.equal(error?.errors.length, 2)
  t.same(seen, ['+a', '+b', '-b', '-a'])
})

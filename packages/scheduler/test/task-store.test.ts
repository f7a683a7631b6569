import { collect, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createScheduler } from '../src/index.ts'
import { createTaskStore } from '../src/task-store.ts'

t.test('a record of before there were streams keeps its runs and its tries', async (t) => {
  const store = new MemoryLevel<string, string>()
  const run = { requestId: 'r', jobId: '7', schedule: 'full', origin: 'scheduled', startedAt: 5 }
  const record = { policy: 'web', client: 'web1', runs: [run], failures: [1, 2], lastStatus: 84 }
  await store.sublevel<string, object>('tasks', { valueEncoding: 'json' }).put('web/web1', record)
  t.strictSame(await collect(createTaskStore(store).all()), [
    {
      policy: 'web',
      client: 'web1',
      runs: [
        {
          requestId: 'r',
          schedule: 'full',
          origin: 'scheduled',
          startedAt: 5,
          why: 'asked for before a restart',
          parts: [{ tries: 1, jobId: '7' }],
        },
      ],
      streams: { '': { failures: [1, 2], lastStatus: 84 } },
    },
  ])
})

t.test('a store of a newer version starts no scheduler, again and again', async (t) => {
  const store = new MemoryLevel<string, string>()
  await store.sublevel('form').put('form', '3')
  const refuse = (): never => {
    throw new Error('nothing is asked of others')
  }
  const jobs = { submit: refuse, wait: refuse, attempts: refuse }
  const scheduler = createScheduler({
    jobs,
    catalog: { listImages: refuse },
    store,
    clock: createVirtualClock(),
  })
  for (const _ of [1, 2])
    await t.rejects(scheduler.start(), {
      code: 'version-unsupported',
      message: /the scheduler’s store has form 3/,
      details: { form: 3, known: 2 },
    })
  t.equal((await store.keys().all()).length, 1, 'nothing was written')
})

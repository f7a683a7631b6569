import { createNotedScheduler, userRunRequest } from '@nb/test-kit'
import { toPath } from '@nb/contracts'
import t from 'tap'
import { checkUserRun, startUserRun } from '../src/user-run.ts'

t.test('without a scheduler there are no user backups, and it says so', async (t) => {
  await t.rejects(startUserRun({}, userRunRequest()), { code: 'not-supported', message: /no scheduler/ })
})

t.test('a call that is aborted before it begins asks for nothing', async (t) => {
  const scheduler = createNotedScheduler()
  await t.rejects(startUserRun({ scheduler }, userRunRequest(), { signal: AbortSignal.abort() }), {
    name: 'AbortError',
  })
  t.same(scheduler.requests, [])
})

t.test('what is missing or senseless is named', async (t) => {
  const fields: readonly [field: string, changes: Parameters<typeof userRunRequest>[0]][] = [
    ['requestId', { requestId: '' }],
    ['client', { client: '' }],
    ['policy', { policy: '' }],
    ['schedule', { schedule: '' }],
    ['type', { type: 'full' as 'user-backup' }],
    ['paths', { paths: [] }],
    ['paths[1]', { paths: [toPath('/a'), toPath('b')] }],
    ['paths', { type: 'user-archive', paths: [toPath('/')] }],
  ]
  for (const [field, changes] of fields)
    t.throws(() => checkUserRun(userRunRequest(changes)), { name: 'NbError', details: { field } })
  t.same(checkUserRun(userRunRequest({ paths: [toPath('/')] })).paths, ['/'], 'a backup of everything may be')
})

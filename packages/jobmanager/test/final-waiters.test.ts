import t from 'tap'
import { FinalWaiters } from '../src/final-waiters.ts'
import { toJob } from '../src/job-view.ts'
import { newBackupRecord } from '../src/new-records.ts'
import { request } from './fixture.ts'

const changeOf = (jobId: string) => ({ jobId, job: toJob(newBackupRecord(jobId, request(), 0)) })

t.test('who waits with the same signal leaves together, and others stay', async (t) => {
  const waiters = new FinalWaiters()
  const leaving = new AbortController()
  const first = waiters.wait('1', leaving.signal)
  const told = waiters.wait('2', leaving.signal)
  const third = waiters.wait('3', leaving.signal)
  const staying = waiters.wait('1', undefined)
  const other = waiters.wait('3', new AbortController().signal)
  waiters.tell(changeOf('2'))
  t.match(await told, { id: '2' }, 'told before its signal aborts')
  leaving.abort(new Error('enough'))
  await t.rejects(first, { message: 'enough' })
  await t.rejects(third, { message: 'enough' })
  await t.rejects(waiters.wait('1', leaving.signal), { message: 'enough' })
  waiters.tell(changeOf('1'))
  waiters.tell(changeOf('3'))
  t.match(await staying, { id: '1' })
  t.match(await other, { id: '3' })
})

t.test('all are given up with one reason', async (t) => {
  const waiters = new FinalWaiters()
  const all = [waiters.wait('1', undefined), waiters.wait('1', new AbortController().signal)]
  waiters.giveUp(new Error('closing'))
  for (const each of all) await t.rejects(each, { message: 'closing' })
})

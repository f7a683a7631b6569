import { collect } from '@nb/test-kit'
import t from 'tap'
import { runningSite } from '../running-site.ts'

t.test('a drive that fails with one tape after the other goes down; its job goes on', async (t) => {
  const { media, told, give, refusal } = await runningSite(t)
  const { drive } = await give('17')
  for (const volumeId of ['A00001', 'A00002'])
    t.match(await media.reportError({ drive, volumeId, kind: 'write' }), { action: 'none' })
  const verdict = await media.reportError({ drive, volumeId: 'A00003', kind: 'write' })
  t.match(verdict, { action: 'drive-down', text: /on volumes A00001, A00002, A00003.*then bring it up/ })
  t.match(told.slice(-2), [/^drive:state: d1 down \(3 errors within 12 hours/, 'media:error: d1 drive-down'])
  t.match(await collect(media.drives({ name: drive })), [{ control: 'DOWN-TLD', stateReason: /3 errors/ }])
  t.match(await collect(media.allocations({ jobId: '17' })), [{ medium: { drive } }])
  for (const volumeId of ['A00001', 'A00002', 'A00003'])
    t.match(await collect(media.volumes({ volumeId })), [{ state: 'active' }], 'the tapes stay in use')
  t.not((await give('18')).drive, drive)
  t.not((await give('19')).drive, drive)
  await media.release({ allocationId: 'a17' })
  t.same(await refusal(), [
    ['drive', 'd1', 830],
    ['drive', 'd2', 2001],
    ['drive', 'd3', 2001],
  ])
  await media.forgetErrors({ drive })
  await media.setDriveState({ name: drive, state: 'up', reason: 'heads cleaned' })
  t.equal((await give('20')).drive, drive)
})

t.test('a drive that fails without a tape goes down as well', async (t) => {
  const { media } = await runningSite(t)
  for (let count = 0; count < 2; count++) await media.reportError({ drive: 'd1', kind: 'position' })
  t.match(await media.reportError({ drive: 'd1', kind: 'position' }), { action: 'drive-down' })
})

t.test('a drive that an operator has taken is not given to jobs, nor put down by errors', async (t) => {
  const { media, refusal, give } = await runningSite(t)
  for (const name of ['d1', 'd2', 'd3']) await media.setDriveState({ name, state: 'operator' })
  t.same(await refusal(), [
    ['drive', 'd1', 830],
    ['drive', 'd2', 830],
    ['drive', 'd3', 830],
  ])
  for (let count = 0; count < 4; count++)
    t.match(await media.reportError({ drive: 'd1', kind: 'read' }), { action: 'none' })
  t.match(await collect(media.drives({ name: 'd1' })), [{ state: 'operator', control: 'OPR' }])
  await media.setDriveState({ name: 'd2', state: 'up' })
  t.equal((await give('17')).drive, 'd2')
})

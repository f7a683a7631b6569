import { collect } from '@nb/test-kit'
import t from 'tap'
import { hour, runningSite } from '../running-site.ts'

const image = { volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 }
const failing = { volumeId: 'A00001', kind: 'write', jobId: '17' } as const

t.test('a tape that fails in two drives is frozen at the third error in twelve hours', async (t) => {
  const { media, clock, told, volume, give } = await runningSite(t)
  await media.assignImage(image)
  t.match(await media.reportError({ ...failing, drive: 'd1' }), { action: 'none', text: /error 1 of 3/ })
  await clock.advance(11 * hour)
  t.match(await media.reportError({ ...failing, drive: 'd2' }), { action: 'none' })
  const verdict = await media.reportError({ ...failing, drive: 'd2' })
  t.match(verdict, { action: 'volume-frozen', text: /3 errors within 12 hours on drives d1, d2/ })
  t.match(verdict.text, /forget the errors of volume A00001, then set it active/, 'with the way back')
  t.match(await volume('A00001'), { state: 'frozen', stateReason: /3 errors within 12 hours/ })
  t.match(told, [
    'volume:assigned: A00001',
    'media:error: d1 none',
    'media:error: d2 none',
    /^volume:state: A00001 frozen \(3 errors/,
    'media:error: d2 volume-frozen',
  ])
  t.not((await give('18')).volumeId, 'A00001', 'the next job gets another')
  t.equal((await give('19', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' })).volumeId, 'A00001')
})

t.test('three errors more than twelve hours apart freeze nothing', async (t) => {
  const { media, clock, volume } = await runningSite(t)
  for (const drive of ['d1', 'd2', 'd1', 'd2', 'd1']) {
    t.match(await media.reportError({ ...failing, drive }), { action: 'none' })
    await clock.advance(6 * hour)
  }
  t.match(await volume('A00001'), { state: 'active' })
})

t.test('an operator who has cleaned the drives takes the tape back', async (t) => {
  const { media, volume, give } = await runningSite(t)
  for (const drive of ['d1', 'd2', 'd1']) await media.reportError({ ...failing, drive })
  await media.forgetErrors({ volumeId: 'A00001' })
  await media.setVolumeState({ volumeId: 'A00001', state: 'active', reason: 'drives cleaned' })
  t.match(await volume('A00001'), { state: 'active', stateReason: 'drives cleaned' })
  t.equal((await give('18')).volumeId, 'A00001')
  t.match(await media.reportError({ ...failing, drive: 'd1' }), { action: 'none', text: /error 1 of 3/ })
})

t.test('where the site says so, a tape with images is suspended and free again after them', async (t) => {
  const { media, volume } = await runningSite(t, {}, { errorPolicy: { assignedErrorState: 'suspended' } })
  await media.assignImage(image)
  for (const drive of ['d1', 'd2']) await media.reportError({ ...failing, drive })
  t.match(await media.reportError({ ...failing, drive: 'd1' }), { action: 'volume-suspended' })
  t.match(await volume('A00001'), { state: 'suspended' })
  await media.unassignImage({ backupId: 'c_1' })
  t.match(await volume('A00001'), { state: 'active' })
  t.match(await media.reportError({ ...failing, drive: 'd1' }), { action: 'volume-frozen' }, 'without images')
})

t.test('errors are remembered for a month, and no more of them than the option says', async (t) => {
  const { media, clock } = await runningSite(t, {}, { errorPolicy: { remembered: 10 } })
  await media.reportError({ drive: 'd3', kind: 'position' })
  await clock.advance(31 * 24 * hour)
  for (let count = 0; count < 12; count++) {
    await media.reportError({ drive: 'd1', volumeId: `A0000${1 + (count % 3)}`, kind: 'read' })
    await clock.advance(1)
  }
  t.same(await collect(media.mediaErrors({ drive: 'd3' })), [])
  t.equal((await collect(media.mediaErrors({}))).length, 10)
})

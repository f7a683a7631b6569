import t from 'tap'
import { hour, runningSite } from '../running-site.ts'
import { volume as blank, writeTo } from '../site.ts'

t.test('a tape is written to on its last mount and never again; it can be read', async (t) => {
  const { media, told, give, volume } = await runningSite(t)
  await media.putVolume(blank('A00001', { maxMounts: 2, mounts: 1 }))
  t.equal((await give('17')).volumeId, 'A00001')
  await media.recordMount({ volumeId: 'A00001', drive: 'd1' })
  t.match(told, ['volume:state: A00001 expired (mounted 2 of 2 times)'])
  await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  await media.release({ allocationId: 'a17' })
  t.not((await give('18')).volumeId, 'A00001')
  t.equal((await give('19', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' })).volumeId, 'A00001')
  await media.release({ allocationId: 'a19' })
  await media.unassignImage({ backupId: 'c_1' })
  t.match(await volume('A00001'), { state: 'expired', assignedAt: undefined, mounts: 2 })
  await t.rejects(media.setVolumeState({ volumeId: 'A00001', state: 'active' }), {
    code: 'state-conflict',
    message: /raise maxMounts first/,
  })
})

t.test('a tape that gets too old is passed over and becomes expired', async (t) => {
  const { media, clock, told, give, volume, refusal } = await runningSite(t)
  for (const id of ['A00001', 'A00002', 'A00003'])
    await media.putVolume(blank(id, { expiresAt: clock.now() + (id === 'A00003' ? 2 : 1) * hour }))
  await clock.advance(hour)
  t.equal((await give('17')).volumeId, 'A00003')
  t.same(told, [
    'volume:state: A00001 expired (the medium is too old to be written to)',
    'volume:state: A00002 expired (the medium is too old to be written to)',
  ])
  await media.release({ allocationId: 'a17' })
  await clock.advance(hour)
  t.same(await refusal(), [['volume', 'NetBackup', 2000]])
  t.match(await media.blockers({ need: writeTo('tape1') }), {
    possible: false,
    blockers: [{ goesOnWhen: /there are: 3 expired/ }],
  })
  await t.rejects(media.setVolumeState({ volumeId: 'A00001', state: 'active' }), { code: 'state-conflict' })
  await media.putVolume({ ...(await volume('A00001')), state: 'active', expiresAt: clock.now() + hour })
  t.equal((await give('18')).volumeId, 'A00001')
})

t.test('no tape at all: the answer counts why each of those there are will not do', async (t) => {
  const { media } = await runningSite(t)
  await media.putVolume(blank('A00001', { density: 'dlt' }))
  await media.putVolume(blank('A00002', { robot: 'tld9' }))
  await media.assignImage({ volumeId: 'A00003', backupId: 'c_1', retentionLevel: 7 })
  const { possible, blockers } = await media.blockers({ need: writeTo('tape1') })
  t.notOk(possible)
  t.match(blockers[0]?.goesOnWhen, /1 in robot tld9, 1 of density dlt, 1 with images of retention level 7/)
})

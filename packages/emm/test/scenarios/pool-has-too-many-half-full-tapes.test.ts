import t from 'tap'
import { runningSite } from '../running-site.ts'
import { writeTo } from '../site.ts'

t.test('a pool begins no new tape while as many as allowed are partly full', async (t) => {
  const { media, give, refusal, volume } = await runningSite(t)
  await media.putPool({ name: 'NetBackup', scratch: false, maxPartiallyFull: 2 })
  await give('1', writeTo('tape1', 'NetBackup', 1))
  await give('2', writeTo('tape1', 'NetBackup', 2))
  t.same(await refusal(writeTo('tape1', 'NetBackup', 3)), [['volume', 'NetBackup', 2087]])
  t.match(await media.blockers({ need: writeTo('tape1', 'NetBackup', 3) }), {
    possible: true,
    blockers: [{ limit: 2, inUse: 2, holders: [{ jobId: '1' }, { jobId: '2' }] }],
  })
  await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  await media.release({ allocationId: 'a1' })
  t.equal((await give('3', writeTo('tape1', 'NetBackup', 1))).volumeId, 'A00001', 'a begun one goes on')
  const changes = media.watch({})[Symbol.asyncIterator]()
  await media.setVolumeState({ volumeId: 'A00001', state: 'full' })
  t.match(await changes.next(), { value: { storageUnits: ['tape1'] } })
  t.equal((await give('4', writeTo('tape1', 'NetBackup', 3))).volumeId, 'A00003')
  t.match(await volume('A00001'), { state: 'full' })
})

t.test('where levels may be mixed a begun tape of another level comes before a new one', async (t) => {
  const { media, give } = await runningSite(t, {}, { allowMultipleRetentions: true })
  await media.assignImage({ volumeId: 'A00003', backupId: 'c_1', retentionLevel: 5 })
  t.equal((await give('1', writeTo('tape1', 'NetBackup', 1))).volumeId, 'A00003')
  await media.release({ allocationId: 'a1' })
  await media.assignImage({ volumeId: 'A00002', backupId: 'c_2', retentionLevel: 1 })
  t.equal(
    (await give('2', writeTo('tape1', 'NetBackup', 1))).volumeId,
    'A00002',
    'the same level before another',
  )
  await media.release({ allocationId: 'a2' })
  await media.recordMount({ volumeId: 'A00003', drive: 'd1' })
  t.equal((await give('3', writeTo('tape1', 'NetBackup', 1))).volumeId, 'A00003', 'a mounted one before both')
})

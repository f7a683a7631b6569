import t from 'tap'
import { runningSite } from '../running-site.ts'
import { volume as blank, writeTo } from '../site.ts'

t.test('a scratch tape serves a pool until its last image is gone, then any pool', async (t) => {
  const { media, told, give, volume } = await runningSite(t)
  await media.putPool({ name: 'Weekly', scratch: false })
  await media.putPool({ name: 'Daily', scratch: false })
  await media.putVolume(blank('S00001', { pool: 'Scratch' }))
  t.equal((await give('17', writeTo('tape1', 'Weekly'))).volumeId, 'S00001')
  await media.assignImage({ volumeId: 'S00001', backupId: 'c_1', retentionLevel: 1 })
  await media.assignImage({ volumeId: 'S00001', backupId: 'c_2', retentionLevel: 1 })
  await media.setVolumeState({ volumeId: 'S00001', state: 'full' })
  await media.release({ allocationId: 'a17' })
  t.match(await media.unassignImage({ backupId: 'c_1' }), { unassigned: [] })
  t.match(await volume('S00001'), { pool: 'Weekly', state: 'full', scratchPool: 'Scratch' })
  t.match(await media.unassignImage({ backupId: 'c_2' }), { unassigned: ['S00001'] })
  t.same(await volume('S00001'), blank('S00001', { pool: 'Scratch' }))
  t.same(told, [
    'volume:assigned: S00001',
    'volume:state: S00001 full',
    'volume:unassigned: S00001',
    'volume:state: S00001 active',
  ])
  t.equal((await give('18', writeTo('tape1', 'Daily', 5))).volumeId, 'S00001')
})

t.test('a frozen tape stays where it is until a person says so', async (t) => {
  const { media, volume } = await runningSite(t)
  await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
  await media.setVolumeState({ volumeId: 'A00001', state: 'frozen', reason: 'evidence' })
  t.match(await media.unassignImage({ backupId: 'c_1' }), { unassigned: [] })
  t.match(await volume('A00001'), { state: 'frozen', assignedAt: Number })
  await media.putVolume({ ...(await volume('A00001')), slot: 3 })
  await media.setVolumeState({ volumeId: 'A00001', state: 'active' })
  t.same(await volume('A00001'), blank('A00001', { slot: 3 }))
})

t.test(
  'a frozen tape whose images have gone has nothing to be suspended for, and may be given up for old',
  async (t) => {
    const { media, volume } = await runningSite(t)
    await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
    await media.setVolumeState({ volumeId: 'A00001', state: 'frozen' })
    await media.unassignImage({ backupId: 'c_1' })
    for (const state of ['suspended', 'full'] as const)
      await t.rejects(media.setVolumeState({ volumeId: 'A00001', state }), {
        code: 'state-conflict',
        message: /has no images and no job uses it/,
      })
    t.match(
      await volume('A00001'),
      { state: 'frozen', assignedAt: Number },
      'what is refused changes nothing',
    )
    await media.setVolumeState({ volumeId: 'A00001', state: 'expired', reason: 'worn' })
    t.same(await volume('A00001'), blank('A00001', { state: 'expired', stateReason: 'worn' }))
  },
)

t.test('a tape that a job is writing to is not taken away from its pool under it', async (t) => {
  const { media, give, volume } = await runningSite(t)
  await media.putPool({ name: 'Weekly', scratch: false })
  await media.putVolume(blank('S00001', { pool: 'Scratch' }))
  const need = writeTo('tape1', 'Weekly')
  await give('17', need)
  await media.assignImage({ volumeId: 'S00001', backupId: 'c_1', retentionLevel: 1 })
  await media.release({ allocationId: 'a17' })
  t.equal((await give('18', need)).volumeId, 'S00001')
  await media.unassignImage({ backupId: 'c_1' })
  t.match(await volume('S00001'), { pool: 'Weekly', assignedAt: undefined })
  await media.assignImage({ volumeId: 'S00001', backupId: 'c_2', retentionLevel: 1 })
  await media.release({ allocationId: 'a18' })
  await media.unassignImage({ backupId: 'c_2' })
  t.match(await volume('S00001'), { pool: 'Scratch' })
})

t.test(
  'a tape that jobs filled and that keeps none of their images is as new once the last of them gives it back',
  async (t) => {
    const { media, give, volume } = await runningSite(t, { maxStreamsPerDrive: 2 })
    const need = { ...writeTo('tape1'), multiplexing: 2 } as const
    const label = { volumeId: 'A00001', generation: 'g1' } as const
    const fill = async (): Promise<void> => {
      t.match(await give('17', need), { volumeId: 'A00001' })
      t.match(await give('18', need), { volumeId: 'A00001' })
      await media.recordLabel({ ...label, labelledAt: 1 })
      await media.recordVolumeFiles({ ...label, files: 9 })
    }
    const isNew = blank('A00001', { generation: 'g1', labelledAt: 1 })
    await fill()
    for (const backupId of ['c_1', 'c_2']) {
      await media.assignImage({ volumeId: 'A00001', backupId, retentionLevel: 1 })
      await media.setVolumeState({ volumeId: 'A00001', state: 'full' })
    }
    await media.unassignImage({ backupId: 'c_1' })
    await media.release({ allocationId: 'a17' })
    t.match(await media.unassignImage({ backupId: 'c_2' }), { unassigned: ['A00001'] })
    t.match(await volume('A00001'), { state: 'full', files: 9 }, 'the other one may write there still')
    await media.release({ allocationId: 'a18' })
    t.same(await volume('A00001'), isNew)

    t.comment('likewise where it had room still, and where it was frozen before any image was kept on it')
    await fill()
    await media.release({ allocationId: 'a17' })
    t.match(await volume('A00001'), { files: 9 })
    await media.release({ allocationId: 'a18' })
    t.same(await volume('A00001'), isNew)
    await fill()
    await media.setVolumeState({ volumeId: 'A00001', state: 'frozen' })
    for (const allocationId of ['a17', 'a18']) await media.release({ allocationId })
    await media.setVolumeState({ volumeId: 'A00001', state: 'active' })
    t.same(await volume('A00001'), isNew)
  },
)

t.test('imported tapes can be read, not written to, and are free after their images', async (t) => {
  const { media, give, refusal, volume } = await runningSite(t)
  for (const volumeId of ['A00001', 'A00002', 'A00003']) {
    await media.setVolumeState({ volumeId, state: 'imported' })
    await media.assignImage({ volumeId, backupId: 'c_1', retentionLevel: 1 })
  }
  t.same(await refusal(), [['volume', 'NetBackup', 2000]])
  t.equal((await give('17', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00002' })).volumeId, 'A00002')
  await media.release({ allocationId: 'a17' })
  await media.unassignImage({ backupId: 'c_1' })
  t.match(await volume('A00002'), { state: 'active' })
})

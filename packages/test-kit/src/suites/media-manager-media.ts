import assert from 'node:assert/strict'
import type { Drive, MediaManager, MediaNeed, Volume } from '@nb/contracts'
import { collect } from '../collect.ts'
import { blank, type Check, denied, granted, kinds, onUnit, rejects, site } from './media-manager-site.ts'

/** The life of volumes and drives: images, states, mounts, errors. */
export function mediaManagerMediaChecks(check: Check): void {
  images(check)
  volumeStates(check)
  mounts(check)
  labels(check)
  drives(check)
  errors(check)
}

const volumeOf = async (media: MediaManager, volumeId: string): Promise<Volume> => {
  const [volume] = await collect(media.volumes({ volumeId }))
  assert.ok(volume !== undefined)
  return volume
}

const image = (backupId: string, retentionLevel = 1, volumeId = 'A00001') => ({
  volumeId,
  backupId,
  retentionLevel,
})

function images(check: Check): void {
  check(
    'the first image assigns a volume, the last one gone unassigns it; both may be said twice',
    async (fixture) => {
      const { media, restart } = fixture
      await site(media)
      await media.assignImage(image('c_2'))
      await media.assignImage(image('c_1'))
      await media.assignImage(image('c_1'))
      const assigned = await volumeOf(media, 'A00001')
      assert.equal(assigned.retentionLevel, 1)
      assert.ok(assigned.assignedAt !== undefined)
      const again = await restart()
      assert.deepEqual(await collect(again.volumeImages({ volumeId: 'A00001' })), ['c_1', 'c_2'])
      assert.deepEqual(await volumeOf(again, 'A00001'), assigned)
      assert.deepEqual(await again.unassignImage({ backupId: 'c_1' }), { unassigned: [] })
      assert.deepEqual(await again.unassignImage({ backupId: 'c_1' }), { unassigned: [] })
      assert.deepEqual(await again.unassignImage({ backupId: 'c_2' }), { unassigned: ['A00001'] })
      assert.deepEqual(await again.unassignImage({ backupId: 'c_2' }), { unassigned: [] })
      assert.deepEqual(await volumeOf(again, 'A00001'), blank('A00001'))
    },
  )
  check('an image on two volumes leaves one of them, or both', async ({ media }) => {
    await site(media)
    await media.assignImage(image('c_1'))
    await media.assignImage(image('c_1', 1, 'A00002'))
    await media.assignImage(image('c_2', 1, 'A00002'))
    assert.deepEqual(await media.unassignImage({ backupId: 'c_2', volumeId: 'A00001' }), { unassigned: [] })
    assert.deepEqual(await media.unassignImage({ backupId: 'c_1' }), { unassigned: ['A00001'] })
    assert.deepEqual(await collect(media.volumeImages({ volumeId: 'A00002' })), ['c_2'])
  })
  check(
    'a volume tells of several levels and of interleaved images as long as there are such',
    async ({ media }) => {
      await site(media)
      await media.assignImage(image('c_1', 1))
      await media.assignImage({ ...image('c_2', 5), multiplexed: true })
      const both = await volumeOf(media, 'A00001')
      assert.deepEqual([both.retentionLevel, both.multiRetention, both.multiplexed], [1, true, true])
      await media.unassignImage({ backupId: 'c_2' })
      const one = await volumeOf(media, 'A00001')
      assert.deepEqual([one.retentionLevel, one.multiRetention, one.multiplexed], [1, undefined, undefined])
    },
  )
  check('what images say of a volume is not lost when a person puts it anew', async ({ media }) => {
    await site(media)
    await media.assignImage(image('c_1'))
    const { assignedAt } = await volumeOf(media, 'A00001')
    await media.putVolume({ ...blank('A00001'), slot: 7 })
    const volume = await volumeOf(media, 'A00001')
    assert.deepEqual([volume.assignedAt, volume.slot], [assignedAt, 7])
  })
  check('a scratch volume goes back to scratch with its last image', async ({ media, restart }) => {
    await site(media)
    await media.putPool({ name: 'Scratch', scratch: true })
    await media.putPool({ name: 'Weekly', scratch: false })
    await media.putVolume({ ...blank('S00001'), pool: 'Scratch' })
    const need = { ...(onUnit('tape1') as Extract<MediaNeed, { kind: 'write' }>), volumePool: 'Weekly' }
    await granted(media, 'a1', need)
    await media.assignImage(image('c_1', 1, 'S00001'))
    await media.release({ allocationId: 'a1' })
    const again = await restart()
    const taken = await volumeOf(again, 'S00001')
    assert.deepEqual([taken.pool, taken.scratchPool], ['Weekly', 'Scratch'])
    await again.unassignImage({ backupId: 'c_1' })
    const back = await volumeOf(again, 'S00001')
    assert.deepEqual([back.pool, back.scratchPool, back.assignedAt], ['Scratch', undefined, undefined])
  })
  check('a scratch volume that nothing was kept on goes back to scratch with its job', async ({ media }) => {
    await site(media)
    await media.putPool({ name: 'Scratch', scratch: true })
    await media.putPool({ name: 'Weekly', scratch: false })
    await media.putVolume({ ...blank('S00001'), pool: 'Scratch' })
    const need = { ...(onUnit('tape1') as Extract<MediaNeed, { kind: 'write' }>), volumePool: 'Weekly' }
    await granted(media, 'a1', need)
    assert.equal((await volumeOf(media, 'S00001')).pool, 'Weekly')
    await media.release({ allocationId: 'a1' })
    const back = await volumeOf(media, 'S00001')
    assert.deepEqual([back.pool, back.scratchPool], ['Scratch', undefined])
    await media.putVolume({ ...back, pool: 'Weekly' })
    await granted(media, 'a2', need)
    await media.release({ allocationId: 'a2' })
    assert.equal((await volumeOf(media, 'S00001')).pool, 'Weekly', 'a person has put it there')
  })
  check('an unknown volume has no images', async ({ media }) => {
    await rejects(media.assignImage(image('c_1')), 'not-found')
    await rejects(collect(media.volumeImages({ volumeId: 'A00001' })), 'not-found')
    assert.deepEqual(await media.unassignImage({ backupId: 'c_1' }), { unassigned: [] })
  })
}

function volumeStates(check: Check): void {
  check('suspended and full end with the last image, frozen by a person', async ({ media }) => {
    await site(media)
    for (const [volumeId, state] of [
      ['A00001', 'suspended'],
      ['A00002', 'full'],
      ['A00003', 'frozen'],
    ] as const) {
      await media.assignImage(image('c_1', 1, volumeId))
      await media.setVolumeState({ volumeId, state, reason: 'by hand' })
      assert.equal((await volumeOf(media, volumeId)).stateReason, 'by hand')
    }
    const none = await denied(media, 'a1', onUnit('tape1'))
    assert.deepEqual([none.possible, ...kinds(none)], [false, ['volume', 2000]])
    await granted(media, 'r1', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00003' })
    await media.release({ allocationId: 'r1' })
    const { unassigned } = await media.unassignImage({ backupId: 'c_1' })
    assert.deepEqual([...unassigned].sort(), ['A00001', 'A00002'])
    assert.deepEqual(await volumeOf(media, 'A00001'), blank('A00001'))
    assert.deepEqual(await volumeOf(media, 'A00002'), blank('A00002'))
    const frozen = await volumeOf(media, 'A00003')
    assert.equal(frozen.state, 'frozen')
    assert.ok(frozen.assignedAt !== undefined)
    await media.setVolumeState({ volumeId: 'A00003', state: 'active' })
    assert.deepEqual(await volumeOf(media, 'A00003'), blank('A00003'))
  })
  check('a volume without images is not frozen, suspended or full by hand', async ({ media }) => {
    await site(media)
    for (const state of ['frozen', 'suspended', 'full'] as const)
      await rejects(media.setVolumeState({ volumeId: 'A00001', state }), 'state-conflict')
    await rejects(media.setVolumeState({ volumeId: 'none', state: 'active' }), 'not-found')
    const { allocation } = await granted(media, 'a1', onUnit('tape1'))
    assert.ok(allocation.medium.kind === 'tape')
    const { volumeId } = allocation.medium
    await media.setVolumeState({ volumeId, state: 'full' })
    await media.release({ allocationId: 'a1' })
    assert.equal((await volumeOf(media, volumeId)).state, 'active', 'nothing was kept on it')
  })
  check('a pool takes new volumes only below its limit of partly full ones', async ({ media }) => {
    await site(media)
    await media.putPool({ name: 'NetBackup', scratch: false, maxPartiallyFull: 1 })
    const { allocation } = await granted(media, 'a1', onUnit('tape1'), '17')
    assert.ok(allocation.medium.kind === 'tape')
    const { volumeId } = allocation.medium
    await media.assignImage(image('c_1', 1, volumeId))
    const answer = await denied(media, 'a2', onUnit('tape1'))
    assert.ok(answer.possible)
    assert.deepEqual(kinds(answer), [
      ['volume', 2032],
      ['volume', 2087],
    ])
    assert.deepEqual([answer.blockers[1]?.limit, answer.blockers[1]?.inUse], [1, 1])
    await media.setVolumeState({ volumeId, state: 'full' })
    await granted(media, 'a2', onUnit('tape1'))
  })
  check('an image that goes on prefers an empty volume', async ({ media }) => {
    await site(media)
    await media.assignImage(image('c_1', 1, 'A00003'))
    const need = onUnit('tape1') as Extract<MediaNeed, { kind: 'write' }>
    const next = async (id: string, asked: MediaNeed) => {
      const { allocation } = await granted(media, id, asked)
      await media.release({ allocationId: id })
      return allocation.medium.kind === 'tape' ? allocation.medium.volumeId : undefined
    }
    assert.equal(await next('a1', need), 'A00003')
    assert.equal(await next('a2', { ...need, continues: true }), 'A00001')
  })
}

function mounts(check: Check): void {
  check('a mount counts once while the volume is in the drive', async ({ media, restart }) => {
    await site(media)
    await media.recordMount({ volumeId: 'A00001', drive: 'drive1' })
    await media.recordMount({ volumeId: 'A00001', drive: 'drive1' })
    const again = await restart()
    const volume = await volumeOf(again, 'A00001')
    assert.equal(volume.mounts, 1)
    assert.ok(volume.firstMountedAt !== undefined && volume.firstMountedAt === volume.lastMountedAt)
    assert.equal((await collect(again.drives({ name: 'drive1' })))[0]?.loadedVolume, 'A00001')
    await rejects(again.recordMount({ volumeId: 'A00001', drive: 'drive2' }), 'state-conflict')
    await rejects(again.recordMount({ volumeId: 'A00002', drive: 'drive1' }), 'state-conflict')
    await again.recordUnmount({ drive: 'drive1' })
    await again.recordUnmount({ drive: 'drive1' })
    await again.recordMount({ volumeId: 'A00001', drive: 'drive2' })
    assert.equal((await volumeOf(again, 'A00001')).mounts, 2)
    await rejects(again.recordMount({ volumeId: 'none', drive: 'drive1' }), 'not-found')
    await rejects(again.recordMount({ volumeId: 'A00002', drive: 'none' }), 'not-found')
    await rejects(again.recordUnmount({ drive: 'none' }), 'not-found')
  })
  check('a mounted volume that fits goes before one in a slot', async ({ media }) => {
    await site(media)
    await media.recordMount({ volumeId: 'A00002', drive: 'drive2' })
    const answer = await granted(media, 'a1', onUnit('tape1'))
    assert.ok(answer.allocation.medium.kind === 'tape')
    assert.deepEqual(
      [answer.allocation.medium.volumeId, answer.allocation.medium.drive],
      ['A00002', 'drive2'],
    )
    assert.equal(answer.favour, 'mounted-volume')
  })
  check('mounted as often as allowed, a volume is written to no more', async ({ media }) => {
    await site(media)
    for (const volumeId of ['A00001', 'A00002', 'A00003'])
      await media.putVolume({ ...blank(volumeId), maxMounts: 1 })
    for (const volumeId of ['A00001', 'A00002', 'A00003']) {
      await media.recordMount({ volumeId, drive: 'drive1' })
      await media.recordUnmount({ drive: 'drive1' })
      assert.equal((await volumeOf(media, volumeId)).state, 'expired')
    }
    const answer = await denied(media, 'a1', onUnit('tape1'))
    assert.deepEqual([answer.possible, ...kinds(answer)], [false, ['volume', 2100]])
    await granted(media, 'r1', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00001' })
    await rejects(media.setVolumeState({ volumeId: 'A00002', state: 'active' }), 'state-conflict')
    await media.putVolume({ ...blank('A00002'), mounts: 1, maxMounts: 2 })
    await granted(media, 'a1', onUnit('tape1'))
  })
}

function labels(check: Check): void {
  const label = (volumeId: string, generation: string) => ({ volumeId, generation, labelledAt: 1000 })
  const known = ({ generation, labelledAt, files }: Volume) => ({ generation, labelledAt, files })
  check(
    'a label that the hardware has confirmed is kept, and how many files stand behind it',
    async (fixture) => {
      const { media, restart } = fixture
      await site(media)
      await media.recordLabel(label('A00001', 'g1'))
      await media.recordVolumeFiles({ volumeId: 'A00001', generation: 'g1', files: 4 })
      await media.recordVolumeFiles({ volumeId: 'A00001', generation: 'g1', files: 3 })
      await media.recordLabel(label('A00001', 'g1'))
      const again = await restart()
      assert.deepEqual(known(await volumeOf(again, 'A00001')), {
        generation: 'g1',
        labelledAt: 1000,
        files: 4,
      })
      await again.putVolume({ ...blank('A00001'), maxMounts: 9, generation: 'g7', files: 7 })
      assert.deepEqual(
        known(await volumeOf(again, 'A00001')),
        { generation: 'g1', labelledAt: 1000, files: 4 },
        'a person does not tell of labels',
      )
      await again.recordLabel(label('A00001', 'g2'))
      assert.deepEqual(
        known(await volumeOf(again, 'A00001')),
        { generation: 'g2', labelledAt: 1000, files: undefined },
        'a new label forgets what was behind the old one',
      )
      await rejects(
        again.recordVolumeFiles({ volumeId: 'A00001', generation: 'g1', files: 9 }),
        'state-conflict',
      )
      await rejects(again.recordVolumeFiles({ volumeId: 'none', generation: 'g1', files: 9 }), 'not-found')
      await rejects(again.recordLabel(label('none', 'g1')), 'not-found')
    },
  )
  check(
    'under images the label does not change; with the last of them it stays known, but not what is behind it',
    async ({ media }) => {
      await site(media)
      await media.recordLabel(label('A00001', 'g1'))
      await media.recordVolumeFiles({ volumeId: 'A00001', generation: 'g1', files: 4 })
      await media.assignImage(image('c_1'))
      await rejects(media.recordLabel(label('A00001', 'g2')), 'state-conflict')
      await media.unassignImage({ backupId: 'c_1' })
      assert.deepEqual(await volumeOf(media, 'A00001'), {
        ...blank('A00001'),
        generation: 'g1',
        labelledAt: 1000,
      })
      await media.recordLabel(label('A00001', 'g3'))
      assert.equal((await volumeOf(media, 'A00001')).generation, 'g3', 'labelled anew')
      await media.assignImage(image('c_2', 1, 'A00002'))
      await media.recordLabel(label('A00002', 'g4'))
      assert.equal(
        (await volumeOf(media, 'A00002')).generation,
        'g4',
        'where none was known one may be found',
      )
    },
  )
  check('a volume that a job holds keeps its label when its last image goes', async ({ media }) => {
    await site(media)
    const { allocation } = await granted(media, 'a1', onUnit('tape1'), '17')
    assert.ok(allocation.medium.kind === 'tape')
    const { volumeId } = allocation.medium
    await media.assignImage(image('c_1', 1, volumeId))
    await media.recordLabel(label(volumeId, 'g1'))
    await media.unassignImage({ backupId: 'c_1' })
    assert.equal((await volumeOf(media, volumeId)).generation, 'g1')
  })
  check(
    'a volume is where the hardware has seen it, and nothing else is in its slot',
    async ({ media, restart }) => {
      await site(media)
      const robot = (await volumeOf(media, 'A00001')).robot ?? ''
      const place = ({ robot: of, slot }: Volume) => [of, slot]
      await media.recordPlace({ volumeId: 'A00001', robot, slot: 3 })
      await media.recordPlace({ volumeId: 'A00002', robot, slot: 3 })
      const again = await restart()
      assert.deepEqual(place(await volumeOf(again, 'A00001')), [robot, undefined])
      assert.deepEqual(place(await volumeOf(again, 'A00002')), [robot, 3])
      await again.recordPlace({ volumeId: 'A00002' })
      assert.deepEqual(place(await volumeOf(again, 'A00002')), [undefined, undefined])
      await rejects(again.recordPlace({ volumeId: 'A00002', slot: 3 }), 'argument-invalid')
      await rejects(again.recordPlace({ volumeId: 'none', robot, slot: 3 }), 'not-found')
    },
  )
}

function drives(check: Check): void {
  check('a drive is known to administrators by its control', async ({ media }) => {
    await site(media)
    await media.putDrive({ name: 'alone', mediaServer: 'media1', density: 'hcart', state: 'up' })
    const controls = async () => (await collect(media.drives({}))).map(({ control }) => control)
    assert.deepEqual(await controls(), ['AVR', 'TLD', 'TLD'])
    await media.setDriveState({ name: 'alone', state: 'down', reason: 'dust' })
    await media.setDriveState({ name: 'drive1', state: 'down' })
    await media.setDriveState({ name: 'drive2', state: 'operator' })
    assert.deepEqual(await controls(), ['DOWN', 'DOWN-TLD', 'OPR'])
    assert.equal((await collect(media.drives({ name: 'alone' })))[0]?.stateReason, 'dust')
    await rejects(media.setDriveState({ name: 'none', state: 'up' }), 'not-found')
  })
  check(
    'the use of a drive is counted until it is cleaned, whoever describes it',
    async ({ media, restart }) => {
      await site(media)
      const drive1 = async (from: MediaManager) => (await collect(from.drives({ name: 'drive1' })))[0]
      assert.equal((await drive1(media))?.mountMsSinceCleaning, undefined)
      const use = { drive: 'drive1', mountMsSinceCleaning: 7_200_000 }
      await media.recordDriveUse(use)
      await media.recordDriveUse(use)
      const again = await restart()
      assert.equal((await drive1(again))?.mountMsSinceCleaning, 7_200_000)
      await again.recordCleaning({ drive: 'drive1' })
      const { mountMsSinceCleaning, cleanedAt, ...described } = (await drive1(again)) as Drive
      assert.equal(mountMsSinceCleaning, 0)
      assert.ok(cleanedAt !== undefined)
      await again.putDrive({ ...described, mountMsSinceCleaning: 5 })
      assert.deepEqual(await drive1(again), { ...described, mountMsSinceCleaning, cleanedAt })
      await rejects(again.recordDriveUse({ ...use, drive: 'none' }), 'not-found')
      await rejects(again.recordDriveUse({ ...use, mountMsSinceCleaning: -1 }), 'argument-invalid')
      await rejects(again.recordCleaning({ drive: 'none' }), 'not-found')
    },
  )
  check('drives that are down or an operator’s are not chosen; a job on one goes on', async ({ media }) => {
    await site(media)
    const {
      allocation: { medium },
    } = await granted(media, 'a1', onUnit('tape1'), '17')
    assert.ok(medium.kind === 'tape')
    const other = medium.drive === 'drive1' ? 'drive2' : 'drive1'
    await media.setDriveState({ name: medium.drive, state: 'down' })
    await media.setDriveState({ name: other, state: 'operator' })
    assert.equal((await collect(media.allocations({}))).length, 1)
    const answer = await denied(media, 'a2', onUnit('tape1'))
    assert.ok(answer.possible)
    assert.deepEqual([...kinds(answer)].sort(), [
      ['drive', 2001],
      ['drive', 830],
    ])
    await media.setDriveState({ name: other, state: 'up' })
    await granted(media, 'a2', onUnit('tape1'))
  })
}

function errors(check: Check): void {
  const report = (media: MediaManager, drive: string, volumeId?: string) =>
    media.reportError({ drive, kind: 'write', ...(volumeId === undefined ? {} : { volumeId }) })

  check(
    'the third error of a volume on several drives freezes it, with the way back',
    async ({ media, restart }) => {
      await site(media)
      assert.equal((await report(media, 'drive1', 'A00001')).action, 'none')
      assert.equal((await report(media, 'drive2', 'A00001')).action, 'none')
      const again = await restart()
      const verdict = await report(again, 'drive1', 'A00001')
      assert.equal(verdict.action, 'volume-frozen')
      const frozen = await volumeOf(again, 'A00001')
      assert.equal(frozen.state, 'frozen')
      assert.match(frozen.stateReason ?? '', /3 errors/)
      assert.equal((await collect(again.mediaErrors({ volumeId: 'A00001' }))).length, 3)
      assert.equal((await collect(again.mediaErrors({ drive: 'drive1' }))).length, 2)
      await again.forgetErrors({ volumeId: 'A00001' })
      await again.setVolumeState({ volumeId: 'A00001', state: 'active' })
      assert.deepEqual(await collect(again.mediaErrors({})), [])
      assert.equal((await report(again, 'drive1', 'A00001')).action, 'none')
      assert.deepEqual(await volumeOf(again, 'A00001'), blank('A00001'))
    },
  )
  check('the third error of a drive with several volumes takes it down', async ({ media }) => {
    await site(media)
    await report(media, 'drive1', 'A00001')
    await report(media, 'drive1', 'A00002')
    assert.equal((await report(media, 'drive1', 'A00003')).action, 'drive-down')
    const [drive] = await collect(media.drives({ name: 'drive1' }))
    assert.equal(drive?.state, 'down')
    assert.match(drive?.stateReason ?? '', /3 errors/)
    await media.forgetErrors({ drive: 'drive1' })
    await media.setDriveState({ name: 'drive1', state: 'up' })
    assert.equal((await report(media, 'drive1', 'A00001')).action, 'none')
  })
  check('errors of what is not known are refused', async ({ media }) => {
    await site(media)
    await rejects(report(media, 'none'), 'not-found')
    await rejects(report(media, 'drive1', 'none'), 'not-found')
    await rejects(media.forgetErrors({}), 'argument-invalid')
  })
}

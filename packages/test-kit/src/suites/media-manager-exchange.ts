import assert from 'node:assert/strict'
import type { AllocatedMedium, Allocation, MediaManager, MediaNeed } from '@nb/contracts'
import { collect } from '../collect.ts'
import { blank, type Check, denied, granted, kinds, onUnit, rejects, site } from './media-manager-site.ts'

type Tape = Extract<AllocatedMedium, { kind: 'tape' }>

const next = (replaces: string, multiplexing = 1): MediaNeed => ({
  kind: 'write',
  storage: { kind: 'unit', name: 'tape1' },
  volumePool: 'NetBackup',
  retentionLevel: 1,
  replaces,
  ...(multiplexing === 1 ? {} : { multiplexing }),
})

/** What several jobs may share a drive for. */
const shared: MediaNeed = {
  kind: 'write',
  storage: { kind: 'unit', name: 'tape1' },
  volumePool: 'NetBackup',
  retentionLevel: 1,
  multiplexing: 4,
}

const tapeOf = ({ medium }: Allocation): Tape => {
  assert.ok(medium.kind === 'tape')
  return medium
}

async function oneDrive(media: MediaManager, maxStreamsPerDrive: number): Promise<void> {
  await site(media, { maxConcurrentDrives: 1, maxStreamsPerDrive })
  await media.setDriveState({ name: 'drive2', state: 'down' })
}

async function stateOf(media: MediaManager, volumeId: string): Promise<string | undefined> {
  return (await collect(media.volumes({ volumeId })))[0]?.state
}

/** The next volume of an image: it takes the place of the one that has come to its end. */
export function mediaManagerExchangeChecks(check: Check): void {
  check(
    'at the end of its volume a job gets the next one into its own drive, in one step',
    async (fixture) => {
      const { media, restart } = fixture
      await oneDrive(media, 1)
      await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 1 })
      const first = (await granted(media, 'a1', onUnit('tape1'), 'job')).allocation
      await media.assignImage({ volumeId: tapeOf(first).volumeId, backupId: 'c_1', retentionLevel: 1 })
      const asked = next('a1')
      assert.deepEqual((await media.blockers({ need: asked })).blockers, [])
      const second = (await granted(media, 'a2', asked, 'job')).allocation
      assert.equal(tapeOf(second).drive, tapeOf(first).drive)
      assert.notEqual(tapeOf(second).volumeId, tapeOf(first).volumeId)
      assert.equal(second.replaces, 'a1')
      assert.deepEqual(
        (await granted(media, 'a2', asked, 'job')).allocation,
        second,
        'the same id is the same',
      )
      assert.deepEqual(await collect(media.allocations({})), [second], 'the first has ended with it')
      assert.equal(await stateOf(media, tapeOf(first).volumeId), 'full')
      const again = await restart()
      assert.deepEqual((await granted(again, 'a2', asked, 'job')).allocation, second, 'after a restart too')
      await again.release({ allocationId: 'a1' })
      assert.deepEqual(await collect(again.allocations({})), [second], 'what was replaced gives nothing back')
      const read = { kind: 'read', storageUnit: 'tape1', volumeId: tapeOf(first).volumeId } as const
      assert.ok(
        kinds(await denied(again, 'r', read)).some(([kind]) => kind === 'drive'),
        'the volume is free, the drive is not',
      )
      await again.release({ allocationId: 'a2' })
      await granted(again, 'r', read)
    },
  )

  check(
    'where there is no other volume the job waits for one with a true reason, and keeps what it has',
    async ({ media }) => {
      await oneDrive(media, 1)
      const first = (await granted(media, 'a1', onUnit('tape1'), 'job')).allocation
      for (const volumeId of ['A00002', 'A00003'])
        await media.putVolume({ ...blank(volumeId), state: 'expired' })
      const answer = await media.allocate({ allocationId: 'a2', jobId: 'job', need: next('a1') })
      assert.ok(!answer.granted && answer.possible)
      assert.deepEqual(kinds(answer), [['volume', 2000]])
      assert.deepEqual(await collect(media.allocations({})), [first])
      await media.putVolume(blank('A00004'))
      const second = (await granted(media, 'a2', next('a1'), 'job')).allocation
      assert.deepEqual([tapeOf(second).drive, tapeOf(second).volumeId], [tapeOf(first).drive, 'A00004'])
    },
  )

  check(
    'jobs that share a drive go on together: the first begins, the others join just that',
    async (fixture) => {
      await oneDrive(fixture.media, 4)
      const before: Allocation[] = []
      for (const id of ['a1', 'a2', 'a3', 'a4'])
        before.push((await granted(fixture.media, id, shared)).allocation)
      const [began] = before as [Allocation]
      const group = tapeOf(began).multiplex?.group
      const first = tapeOf((await granted(fixture.media, 'b3', next('a3', 4), 'a3')).allocation)
      assert.equal(first.drive, tapeOf(began).drive)
      assert.notEqual(first.volumeId, tapeOf(began).volumeId)
      assert.deepEqual(first.multiplex, { group: 'b3', most: 4, succeeds: group })
      const media = await fixture.restart()
      await denied(media, 'late', shared)
      for (const id of ['1', '4', '2']) {
        const joined = tapeOf((await granted(media, `b${id}`, next(`a${id}`, 4), `a${id}`)).allocation)
        assert.deepEqual(
          [joined.drive, joined.volumeId, joined.multiplex],
          [first.drive, first.volumeId, first.multiplex],
        )
      }
      assert.equal((await collect(media.allocations({}))).length, 4)
      await media.release({ allocationId: 'b3' })
      const late = tapeOf((await granted(media, 'late', shared)).allocation)
      assert.equal(late.volumeId, first.volumeId, 'once all have come others may join')
    },
  )

  check('one of several copies goes on by itself, and is given back with the others', async ({ media }) => {
    await site(media)
    const place = {
      storage: { kind: 'unit', name: 'tape1' },
      volumePool: 'NetBackup',
      retentionLevel: 1,
    } as const
    const first = (await granted(media, 'a1', { kind: 'write', ...place, further: [place] }, 'job'))
      .allocation
    const [second] = first.further ?? []
    assert.ok(second !== undefined)
    const exchanged = (await granted(media, 'b2', next(second.allocationId), 'job')).allocation
    assert.equal(tapeOf(exchanged).drive, tapeOf(second).drive)
    const held = await collect(media.allocations({}))
    assert.deepEqual(new Set(held.map(({ allocationId }) => allocationId)), new Set(['a1', 'b2']))
    await media.release({ allocationId: 'a1' })
    assert.deepEqual(await collect(media.allocations({})), [])
  })

  check('a volume that is frozen while it is written stays so at its end', async ({ media }) => {
    await oneDrive(media, 1)
    const { volumeId } = tapeOf((await granted(media, 'a1', onUnit('tape1'), 'job')).allocation)
    await media.assignImage({ volumeId, backupId: 'c_1', retentionLevel: 1 })
    await media.setVolumeState({ volumeId, state: 'frozen', reason: 'errors' })
    await media.setVolumeState({ volumeId, state: 'full', reason: 'no room' })
    await granted(media, 'a2', next('a1'), 'job')
    const [volume] = await collect(media.volumes({ volumeId }))
    assert.deepEqual([volume?.state, volume?.stateReason], ['frozen', 'errors'])
  })

  check('only a job that writes to a tape has a next volume', async ({ media }) => {
    await site(media)
    await granted(media, 'a1', onUnit('tape1'), 'job')
    await granted(media, 'r1', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00003' }, 'job')
    for (const [replaces, jobId, code] of [
      ['none', 'job', 'not-found'],
      ['a1', 'other', 'not-found'],
      ['r1', 'job', 'argument-invalid'],
    ] as const)
      await rejects(media.allocate({ allocationId: 'x', jobId, need: next(replaces) }), code)
    const read: MediaNeed = { kind: 'read', storageUnit: 'tape1', volumeId: 'A00002', replaces: 'r1' }
    await rejects(media.allocate({ allocationId: 'x', jobId: 'job', need: read }), 'argument-invalid')
  })
}

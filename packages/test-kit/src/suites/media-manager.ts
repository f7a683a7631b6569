import assert from 'node:assert/strict'
import {
  asNbError,
  type DiskStorageUnit,
  type MediaManager,
  type MediaNeed,
  type StorageChoice,
} from '@nb/contracts'
import { collect } from '../collect.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { mediaManagerCopiesChecks } from './media-manager-copies.ts'
import { mediaManagerExchangeChecks } from './media-manager-exchange.ts'
import { mediaManagerMediaChecks } from './media-manager-media.ts'
import { mediaManagerSharingChecks } from './media-manager-sharing.ts'
import { mediaManagerSpaceChecks } from './media-manager-space.ts'
import {
  blank,
  type Check,
  denied,
  disk,
  everything,
  granted,
  kinds,
  type MediaManagerFixture,
  onUnit,
  rejects,
  site,
  unit,
  write,
} from './media-manager-site.ts'

export type { MediaManagerFixture } from './media-manager-site.ts'

/** The obligations of `MediaManager`. */
export function mediaManagerSuite<Fixture extends MediaManagerFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  configuration(check)
  protections(check)
  diskAllocations(check)
  choices(check)
  tapeAllocations(check)
  watching(check)
  mediaManagerMediaChecks(check)
  mediaManagerSharingChecks(check)
  mediaManagerSpaceChecks(check)
  mediaManagerCopiesChecks(check)
  mediaManagerExchangeChecks(check)
}

function configuration(check: Check): void {
  check('what was put is listed as it was put, by name', async ({ media }) => {
    await media.putStorageUnit(disk('disk2'))
    await media.putStorageUnit(disk('disk1', { onDemandOnly: true }))
    await media.putGroup({ name: 'all', members: ['disk2', 'disk1'], selection: 'failover' })
    assert.deepEqual(await collect(media.storageUnits({})), [
      disk('disk1', { onDemandOnly: true }),
      disk('disk2'),
    ])
    assert.deepEqual(await collect(media.storageUnits({ name: 'disk2' })), [disk('disk2')])
    assert.deepEqual(await collect(media.storageUnits({ name: 'disk3' })), [])
    const [group] = await collect(media.groups({ name: 'all' }))
    assert.deepEqual(group?.members, ['disk2', 'disk1'])
  })
  check('all that is configured survives a restart', async ({ media, restart }) => {
    await site(media)
    await media.putGroup({ name: 'tapes', members: ['tape1'], selection: 'round-robin' })
    const before = await everything(media)
    assert.deepEqual(await everything(await restart()), before)
  })
  check('a wrong field is refused by name, with what is allowed', async ({ media }) => {
    const wrong: readonly [Partial<DiskStorageUnit>, string][] = [
      [{ name: '' }, 'name'],
      [{ name: 'a\nb' }, 'name'],
      [{ maxFragmentBytes: 1000 }, 'maxFragmentBytes'],
      [{ maxConcurrentJobs: 1_000_000_000 }, 'maxConcurrentJobs'],
      [{ mediaServer: '' }, 'mediaServer'],
    ]
    for (const [fields, field] of wrong) {
      const error = await rejects(media.putStorageUnit(disk('disk1', fields)), 'argument-invalid')
      assert.equal(error.details['field'], field)
      assert.match(error.message, /allowed/)
    }
    const volume = await rejects(media.putVolume(blank('A123456')), 'argument-invalid')
    assert.equal(volume.details['field'], 'volumeId')
  })
  check('names that stand for nothing are refused', async ({ media }) => {
    const missing = { name: 'none' }
    await rejects(media.removeStorageUnit(missing), 'storage-unit-unknown')
    await rejects(media.setStorageUnitState({ ...missing, state: 'up' }), 'storage-unit-unknown')
    await rejects(
      media.putGroup({ name: 'g', members: ['none'], selection: 'failover' }),
      'storage-unit-unknown',
    )
    await rejects(media.removeGroup(missing), 'storage-group-unknown')
    await rejects(media.putVolume({ ...blank('A00001'), pool: 'none' }), 'pool-unknown')
  })
}

function protections(check: Check): void {
  check('a storage unit that a job holds can not be removed, nor moved', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    await granted(media, 'a1', onUnit('disk1'))
    await rejects(media.removeStorageUnit({ name: 'disk1' }), 'state-conflict')
    await rejects(media.putStorageUnit(disk('disk1', { mediaServer: 'elsewhere' })), 'state-conflict')
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 7 }))
    await media.release({ allocationId: 'a1' })
    await media.removeStorageUnit({ name: 'disk1' })
    assert.deepEqual(await collect(media.storageUnits({})), [])
  })
  check('a storage unit that a group names can not be removed', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    await media.putGroup({ name: 'g', members: ['disk1'], selection: 'failover' })
    await rejects(media.removeStorageUnit({ name: 'disk1' }), 'state-conflict')
    await media.removeGroup({ name: 'g' })
    await media.removeStorageUnit({ name: 'disk1' })
  })
  check('there is one scratch pool', async ({ media }) => {
    await media.putPool({ name: 'Scratch', scratch: true })
    await rejects(media.putPool({ name: 'Other', scratch: true }), 'state-conflict')
  })
}

function diskAllocations(check: Check): void {
  check('an allocation tells where the job may write', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    const { allocation } = await granted(media, 'a1', onUnit('disk1'), '17')
    assert.equal(allocation.allocationId, 'a1')
    assert.equal(allocation.jobId, '17')
    assert.equal(allocation.storageUnit, 'disk1')
    assert.equal(allocation.mediaServer, 'media1')
    assert.equal(allocation.purpose, 'write')
    assert.deepEqual(allocation.medium, { kind: 'disk', maxFragmentBytes: disk('').maxFragmentBytes })
    assert.deepEqual(await collect(media.allocations({})), [allocation])
    assert.deepEqual(await collect(media.allocations({ jobId: '18' })), [])
  })
  check('where others wait for the same, a grant tells what they would be told', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    const ask = (allocationId: string, more: { readonly othersWait?: boolean } = {}) =>
      media.allocate({ allocationId, jobId: allocationId, need: onUnit('disk1'), ...more })
    const first = await ask('a1', { othersWait: true })
    assert.ok(first.granted)
    assert.equal(first.othersBlockedBy, undefined, 'there is room for one more')
    const second = await ask('a2', { othersWait: true })
    const { blockers } = await media.blockers({ need: onUnit('disk1') })
    assert.ok(second.granted)
    assert.deepEqual(second.othersBlockedBy, blockers)
    assert.deepEqual(
      blockers.map(({ kind, holders }) => [kind, holders.map(({ jobId }) => jobId)]),
      [['storage-unit-limit', ['a1', 'a2']]],
    )
    await media.release({ allocationId: 'a2' })
    const unasked = await ask('a3')
    assert.ok(unasked.granted)
    assert.equal(unasked.othersBlockedBy, undefined, 'nobody wants to know')
  })
  check('the same id again is the same allocation; for something else it is refused', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    const first = await granted(media, 'a1', onUnit('disk1'), '17')
    assert.deepEqual(await granted(media, 'a1', onUnit('disk1'), '17'), first)
    await rejects(
      media.allocate({ allocationId: 'a1', jobId: '18', need: onUnit('disk1') }),
      'request-duplicate',
    )
    await rejects(
      media.allocate({ allocationId: 'a1', jobId: '17', need: { kind: 'read', storageUnit: 'disk1' } }),
      'request-duplicate',
    )
    assert.equal((await collect(media.allocations({}))).length, 1)
  })
  check('a unit never takes more jobs than its limit, and says who holds it', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    const asked = ['1', '2', '3', '4', '5'].map((jobId) =>
      media.allocate({ allocationId: `a${jobId}`, jobId, need: onUnit('disk1') }),
    )
    const answers = await Promise.all(asked)
    assert.equal(answers.filter((answer) => answer.granted).length, 2)
    const held = await collect(media.allocations({}))
    for (const answer of answers) {
      if (answer.granted) continue
      assert.equal(answer.possible, true)
      assert.equal(answer.blockers.length, 1)
      const [blocker] = answer.blockers
      assert.equal(blocker?.kind, 'storage-unit-limit')
      assert.equal(blocker?.name, 'disk1')
      assert.equal(blocker?.reason, 2040)
      assert.equal(blocker?.limit, 2)
      assert.equal(blocker?.inUse, 2)
      assert.deepEqual(
        [...blocker.holders].sort((a, b) => (a.jobId < b.jobId ? -1 : 1)),
        held.map(({ jobId, since }) => ({ jobId, since })).sort((a, b) => (a.jobId < b.jobId ? -1 : 1)),
      )
    }
  })
  check('a release gives the place to the next and may be said twice', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    await granted(media, 'a1', onUnit('disk1'))
    await denied(media, 'a2', onUnit('disk1'))
    await media.release({ allocationId: 'a1' })
    await media.release({ allocationId: 'a1' })
    await media.release({ allocationId: 'never' })
    await granted(media, 'a2', onUnit('disk1'))
  })
  check('allocations survive a restart exactly, and go on counting', async ({ media, restart }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    await granted(media, 'a1', onUnit('disk1'), '17')
    await granted(media, 'a2', onUnit('disk1'), '18')
    const before = await collect(media.allocations({}))
    const again = await restart()
    assert.deepEqual(await collect(again.allocations({})), before)
    await denied(again, 'a3', onUnit('disk1'))
    await again.release({ allocationId: 'a1' })
    const last = await granted(again, 'a3', onUnit('disk1'), '19')
    assert.deepEqual((await granted(again, 'a3', onUnit('disk1'), '19')).allocation, last.allocation)
  })
  check('a unit that is down waits for being brought up; its jobs go on', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 2 }))
    await granted(media, 'a1', onUnit('disk1'))
    await media.setStorageUnitState({ name: 'disk1', state: 'down', reason: 'fsck' })
    const answer = await denied(media, 'a2', onUnit('disk1'))
    assert.equal(answer.possible, true)
    assert.deepEqual(kinds(answer), [['storage-unit-down', 2041]])
    assert.match(answer.blockers[0]?.goesOnWhen ?? '', /fsck/)
    assert.equal((await collect(media.allocations({}))).length, 1)
    await media.setStorageUnitState({ name: 'disk1', state: 'up' })
    await granted(media, 'a2', onUnit('disk1'))
  })
  check('a limit of 0 disables a unit', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: 0 }))
    assert.deepEqual(kinds(await denied(media, 'a1', onUnit('disk1'))), [['storage-unit-limit', 2045]])
  })
  check('a read counts like a write on a disk', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    const read: MediaNeed = { kind: 'read', storageUnit: 'disk1' }
    const { allocation } = await granted(media, 'a1', read)
    assert.equal(allocation.purpose, 'read')
    await denied(media, 'a2', onUnit('disk1'))
  })
  check('blockers tells what allocate would say and sets nothing aside', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    const need = onUnit('disk1')
    assert.deepEqual(await media.blockers({ need }), { possible: true, blockers: [] })
    assert.deepEqual(await collect(media.allocations({})), [])
    await granted(media, 'a1', need)
    const answer = await denied(media, 'a2', need)
    assert.deepEqual(await media.blockers({ need }), {
      possible: answer.possible,
      blockers: answer.blockers,
    })
  })
}

function choices(check: Check): void {
  const three = async (media: MediaManager, selection: 'prioritised' | 'failover' | 'round-robin') => {
    for (const name of ['disk1', 'disk2', 'disk3']) await media.putStorageUnit(disk(name))
    await media.putGroup({ name: 'g', members: ['disk2', 'disk1', 'disk3'], selection })
  }
  const group: StorageChoice = { kind: 'group', name: 'g' }

  check('what is not configured can not be waited for', async ({ media }) => {
    for (const [storage, kind, reason] of [
      [{ kind: 'unit', name: 'none' }, 'storage-unit-missing', 219],
      [{ kind: 'group', name: 'none' }, 'not-configured', 2097],
      [{ kind: 'any' }, 'not-configured', 213],
    ] as const) {
      const answer = await denied(media, 'a1', write(storage))
      assert.equal(answer.possible, false)
      assert.deepEqual(kinds(answer), [[kind, reason]])
    }
  })
  check('any storage unit is any but those on demand only', async ({ media }) => {
    await media.putStorageUnit(disk('disk1', { onDemandOnly: true }))
    const none = await denied(media, 'a1', write({ kind: 'any' }))
    assert.equal(none.possible, false)
    assert.deepEqual(kinds(none), [['not-configured', 2111]])
    await media.putStorageUnit(disk('disk2'))
    assert.equal((await granted(media, 'a1', write({ kind: 'any' }))).allocation.storageUnit, 'disk2')
    assert.deepEqual(kinds(await denied(media, 'a2', write({ kind: 'any' }))), [['storage-unit-limit', 2040]])
    assert.equal((await granted(media, 'a3', onUnit('disk1'))).allocation.storageUnit, 'disk1')
  })
  check('a prioritised group gives the first that is available', async ({ media }) => {
    await three(media, 'prioritised')
    await media.setStorageUnitState({ name: 'disk2', state: 'down' })
    assert.equal((await granted(media, 'a1', write(group))).allocation.storageUnit, 'disk1')
    assert.equal((await granted(media, 'a2', write(group))).allocation.storageUnit, 'disk3')
    const answer = await denied(media, 'a3', write(group))
    assert.deepEqual(
      answer.blockers.map(({ name, reason }) => [name, reason]),
      [
        ['disk2', 2041],
        ['disk1', 2040],
        ['disk3', 2040],
      ],
    )
  })
  check('a failover group waits for a busy unit and passes one that is down', async ({ media }) => {
    await three(media, 'failover')
    assert.equal((await granted(media, 'a1', write(group))).allocation.storageUnit, 'disk2')
    assert.deepEqual(kinds(await denied(media, 'a2', write(group))), [['storage-unit-limit', 2040]])
    await media.setStorageUnitState({ name: 'disk2', state: 'down' })
    assert.equal((await granted(media, 'a2', write(group))).allocation.storageUnit, 'disk1')
  })
  check(
    'a round-robin group gives the one whose turn is longest ago, after a restart too',
    async (fixture) => {
      await three(fixture.media, 'round-robin')
      const turn = async (media: MediaManager, id: string): Promise<string> => {
        const { allocation } = await granted(media, id, write(group))
        await media.release({ allocationId: id })
        return allocation.storageUnit
      }
      const { media, restart } = fixture
      const first = [await turn(media, 'a1'), await turn(media, 'a2')]
      assert.deepEqual(first, ['disk2', 'disk1'])
      const again = await restart()
      const later = [await turn(again, 'a3'), await turn(again, 'a4'), await turn(again, 'a5')]
      assert.deepEqual(later, ['disk3', 'disk2', 'disk1'])
    },
  )
}

function tapeAllocations(check: Check): void {
  check('a tape write gets a drive and a volume of the pool, or neither', async ({ media }) => {
    await site(media)
    const { allocation } = await granted(media, 'a1', onUnit('tape1'), '17')
    assert.equal(allocation.medium.kind, 'tape')
    if (allocation.medium.kind !== 'tape') return
    assert.equal(allocation.medium.volumePool, 'NetBackup')
    const { allocation: second } = await granted(media, 'a2', onUnit('tape1'), '18')
    assert.ok(second.medium.kind === 'tape')
    assert.notEqual(second.medium.drive, allocation.medium.drive)
    assert.notEqual(second.medium.volumeId, allocation.medium.volumeId)
    const answer = await denied(media, 'a3', onUnit('tape1'))
    assert.equal(answer.possible, true)
    const holders = answer.blockers.flatMap((blocker) => blocker.holders.map(({ jobId }) => jobId))
    assert.deepEqual([...new Set(holders)].sort(), ['17', '18'])
    assert.ok(answer.blockers.every(({ storageUnit }) => storageUnit === 'tape1'))
  })
  check(
    'a read gets exactly its volume, with others who read it, or waits for who writes',
    async ({ media }) => {
      await site(media)
      const of = (volumeId: string): MediaNeed => ({ kind: 'read', storageUnit: 'tape1', volumeId })
      const read = of('A00002')
      const { allocation } = await granted(media, 'r1', read, '15')
      assert.ok(allocation.medium.kind === 'tape' && allocation.medium.volumeId === 'A00002')
      const { allocation: other } = await granted(media, 'r2', read, '16')
      assert.deepEqual(other.medium, allocation.medium)
      await media.setDriveState({ name: allocation.medium.drive, state: 'down', reason: 'test' })
      const apart = await denied(media, 'r3', read)
      assert.deepEqual(
        apart.blockers[0]?.holders.map(({ jobId }) => jobId),
        ['15', '16'],
      )
      await media.setDriveState({ name: allocation.medium.drive, state: 'up' })
      for (const allocationId of ['r1', 'r2']) await media.release({ allocationId })
      const { allocation: writing } = await granted(media, 'a1', onUnit('tape1'), '17')
      assert.ok(writing.medium.kind === 'tape')
      const answer = await denied(media, 'a2', of(writing.medium.volumeId))
      assert.deepEqual(kinds(answer), [['volume', 2032]])
      assert.deepEqual(
        answer.blockers[0]?.holders.map(({ jobId }) => jobId),
        ['17'],
      )
      const unknown = await denied(media, 'a3', of('B00001'))
      assert.equal(unknown.possible, false)
    },
  )
  check('a pool without volumes takes one from scratch', async ({ media }) => {
    await site(media)
    await media.putPool({ name: 'Weekly', scratch: false })
    const weekly: MediaNeed = {
      kind: 'write',
      storage: unit('tape1'),
      volumePool: 'Weekly',
      retentionLevel: 1,
    }
    const none = await denied(media, 'a1', weekly)
    assert.equal(none.possible, false)
    assert.deepEqual(kinds(none), [['volume', 2000]])
    await media.putPool({ name: 'Scratch', scratch: true })
    await media.putVolume({ ...blank('S00001'), pool: 'Scratch' })
    const { allocation } = await granted(media, 'a1', weekly)
    assert.ok(allocation.medium.kind === 'tape' && allocation.medium.volumeId === 'S00001')
    const [volume] = await collect(media.volumes({ volumeId: 'S00001' }))
    assert.equal(volume?.pool, 'Weekly')
  })
}

function watching(check: Check): void {
  /** The names told until all are there. */
  const told = async (changes: AsyncIterator<{ storageUnits: readonly string[] }>, name: string) => {
    for (;;) {
      const change = await changes.next()
      assert.ok(change.done !== true, `the watch ended before ${name} was told`)
      if (change.value.storageUnits.includes(name)) return
    }
  }
  check('a watch tells what waiting jobs may gain from', async ({ media }) => {
    await media.putStorageUnit(disk('disk1'))
    await media.putStorageUnit(disk('disk2', { state: 'down' }))
    await granted(media, 'a1', onUnit('disk1'))
    const ending = new AbortController()
    const changes = media.watch({}, { signal: ending.signal })[Symbol.asyncIterator]()
    const first = told(changes, 'disk1')
    // Over a wire the watch is in place once a later call has been answered.
    await collect(media.storageUnits({}))
    await media.release({ allocationId: 'a1' })
    await first
    await media.setStorageUnitState({ name: 'disk2', state: 'up' })
    await told(changes, 'disk2')
    await media.putStorageUnit(disk('disk3'))
    await told(changes, 'disk3')
    ending.abort()
    await assert.rejects(
      async () => {
        while ((await changes.next()).done !== true);
      },
      (error: unknown) => asNbError(error).code === 'request-cancelled',
    )
  })
}

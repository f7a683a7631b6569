import type { Blocker } from '@nb/contracts'
import t from 'tap'
import { backup, restore, tapeHouse, volumeId } from '../tape-house.ts'

type House = Awaited<ReturnType<typeof tapeHouse>>

/** Kind, name, reason and holders. */
const brief = ({ kind, name, reason, holders }: Blocker): unknown[] => [
  kind,
  name,
  reason,
  holders.map(({ jobId }) => jobId),
]

const shared = { multiplexing: 2 }

interface Story {
  readonly because: string
  /** Brings it about, and names the request that waits. */
  readonly when: (house: House) => Promise<ReturnType<typeof backup>>
  readonly blockers: readonly unknown[][]
  readonly says: RegExp
  /** Ends it. */
  readonly until: (house: House) => Promise<unknown>
}

const stories: readonly Story[] = [
  {
    because: 'its policy has as many jobs as it may',
    when: async ({ broker }) => {
      await broker.acquire(backup('1', { limits: { maxJobsPerPolicy: 1 } }))
      return backup('2', { limits: { maxJobsPerPolicy: 1 } })
    },
    blockers: [['policy-limit', 'nightly', 2040, ['1']]],
    says: /for policy nightly: 1 of 1 jobs run \(job 1 since .*\); job 2 goes on when job 1 ends/,
    until: releaseAll,
  },
  {
    because: 'its client has as many jobs as it may',
    when: async ({ broker }) => {
      await broker.acquire(backup('1', { client: 'web' }))
      return backup('2', { client: 'web' })
    },
    blockers: [['client-limit', 'web', 2040, ['1']]],
    says: /for client web: 1 of 1 jobs run/,
    until: releaseAll,
  },
  {
    because: 'all drives are in use',
    when: async ({ broker }) => {
      for (const jobId of ['1', '2']) await broker.acquire(backup(jobId))
      return backup('3')
    },
    blockers: [
      ['storage-unit-limit', 'tape1', 2040, ['1', '2']],
      ['drive', 'd1', 2001, ['1']],
      ['drive', 'd2', 2001, ['2']],
    ],
    says: /for storage unit tape1: 2 of 2 jobs run there .*; and for drive d1: in use .*; or for drive d2: in use/,
    until: releaseAll,
  },
  {
    because: 'the volume that it reads is in use',
    when: async ({ broker }) => {
      await broker.acquire(backup('1'))
      return restore('2', 1)
    },
    blockers: [['volume', 'A00001', 2032, ['1']]],
    says: /for volume A00001: in use \(job 1 since .*\); job 2 goes on when job 1 gives volume A00001 back \(in drive d1\)/,
    until: releaseAll,
  },
  {
    because: 'the volume that it reads sits in a drive that is down',
    when: async ({ media }) => {
      await media.recordMount({ volumeId: volumeId(1), drive: 'd1' })
      await media.setDriveState({ name: 'd1', state: 'down', reason: 'cleaning' })
      return restore('1', 1)
    },
    blockers: [['drive', 'd1', 2054, []]],
    says: /for drive d1 \(.*\); job 1 goes on when drive d1 is brought up \(down: cleaning\), with volume A00001 in it/,
    until: ({ media }) => media.setDriveState({ name: 'd1', state: 'up' }),
  },
  {
    because: 'all drives are down',
    when: async ({ media }) => {
      for (const name of ['d1', 'd2']) await media.setDriveState({ name, state: 'down' })
      return backup('1')
    },
    blockers: [
      ['drive', 'd1', 830, []],
      ['drive', 'd2', 830, []],
    ],
    says: /for drive d1 \(.*\); .*; or for drive d2/,
    until: ({ media }) => media.setDriveState({ name: 'd2', state: 'up' }),
  },
  {
    because: 'the storage unit is down',
    when: async ({ media }) => {
      await media.setStorageUnitState({ name: 'tape1', state: 'down', reason: 'moving' })
      return backup('1')
    },
    blockers: [['storage-unit-down', 'tape1', 2041, []]],
    says: /which is down; job 1 goes on when storage unit tape1 is brought up \(down: moving\)/,
    until: ({ media }) => media.setStorageUnitState({ name: 'tape1', state: 'up' }),
  },
  {
    because: 'the media server is down',
    when: async ({ media }) => {
      await media.putMediaServer({ name: 'media1', state: 'down', stateReason: 'patching' })
      return backup('1')
    },
    blockers: [['media-server', 'media1', 2027, []]],
    says: /for media-server media1 \(.*\); job 1 goes on when media server media1 is brought up/,
    until: ({ media }) => media.putMediaServer({ name: 'media1', state: 'up' }),
  },
  {
    because: 'the media server moves data for as many jobs as it may',
    when: async ({ media, broker }) => {
      await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: 1 })
      await broker.acquire(restore('1', 1))
      return backup('2')
    },
    blockers: [['media-server', 'media1', 2062, ['1']]],
    says: /for media-server media1: in use \(job 1 since/,
    until: releaseAll,
  },
  {
    because: 'the robot is down',
    when: async ({ media }) => {
      await media.putRobot({ name: 'robot1', state: 'down', stateReason: 'door open' })
      return restore('1', 1)
    },
    blockers: [['robot', 'robot1', 2020, []]],
    says: /for robot robot1 \(.*\); job 1 goes on when robot robot1 is brought up \(down: door open\)/,
    until: ({ media }) => media.putRobot({ name: 'robot1', state: 'up' }),
  },
  {
    because:
      'its volume is full, and the only other one is in use: it need not leave that drive before it is given',
    when: async ({ broker, media }) => {
      const [first] = await Promise.all(['1', '2'].map((job) => broker.acquire(backup(job, {}, shared))))
      await broker.acquire(restore('3', 2))
      await media.recordMount({ volumeId: volumeId(2), drive: 'd2' })
      for (const number of [3, 4])
        await media.setVolumeState({ volumeId: volumeId(number), state: 'expired' })
      const replaces = first?.allocation.allocationId ?? ''
      return backup('1', { requestId: 'next' }, { ...shared, replaces })
    },
    blockers: [['volume', 'A00002', 2032, ['3']]],
    says: /for volume A00002: in use \(job 3 since .*\); job 1 goes on when job 3 gives volume A00002 back \(in drive d2\)/,
    until: async ({ broker }) => {
      for await (const { leaseId } of broker.grants({ jobId: '3' })) await broker.release({ leaseId })
    },
  },
]

async function releaseAll({ broker }: House): Promise<void> {
  for await (const { leaseId } of broker.grants({})) await broker.release({ leaseId })
}

for (const { because, when, blockers, says, until } of stories)
  t.test(`because ${because}`, async (t) => {
    const house = await tapeHouse()
    const request = await when(house)
    const call = house.broker.acquire(request)
    const why = await house.broker.explain({ jobId: request.jobId })
    t.same(why.blockers.map(brief), blockers)
    t.match(why.sentence, says)
    const waitLines = house.textsOf(request.jobId).filter((text) => text.includes('waits since'))
    t.same(waitLines, [why.sentence], 'its log has said the same')
    await until(house)
    t.equal((await call).allocation.jobId, request.jobId, 'and it goes on when that is over')
    t.same(await house.broker.explain({ jobId: request.jobId }).then(({ waiting }) => waiting), false)
    await house.stop()
  })

t.test('a long list of holders is cut in the sentence and counted', async (t) => {
  const { broker, stop } = await tapeHouse({ drives: 12, volumes: 12 })
  const limits = { maxJobsPerPolicy: 10 }
  for (let job = 1; job <= 10; job++) await broker.acquire(backup(`${job}`, { limits }))
  const call = broker.acquire(backup('last', { limits }))
  call.catch(() => undefined)
  const { blockers, sentence } = await broker.explain({ jobId: 'last' })
  t.equal(blockers[0]?.holders.length, 10)
  t.match(sentence, /10 of 10 jobs run \(job 1 since .*, 2 more jobs\)/)
  await stop()
})

t.test('a place in a group that begins helps who may share a drive, at once', async (t) => {
  const { broker, stop } = await tapeHouse({ drives: 1 })
  const first = await broker.acquire(restore('1', 1))
  const [founder, second] = ['2', '3'].map((jobId) => broker.acquire(backup(jobId, {}, { multiplexing: 2 })))
  const { blockers } = await broker.explain({ jobId: '3' })
  t.same(blockers.map(brief), [['drive', 'd1', 2001, ['1']]])
  await broker.release({ leaseId: first.leaseId })
  t.same((await founder)?.allocation.medium, (await second)?.allocation.medium)
  await stop()
})

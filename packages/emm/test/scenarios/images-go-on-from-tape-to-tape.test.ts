import type { Allocation, MediaNeed } from '@nb/contracts'
import {
  collect,
  createFaultPlan,
  createPowerLossStorage,
  createVirtualClock,
  numberSetting,
  seededRandom,
} from '@nb/test-kit'
import t from 'tap'
import { createMediaManager } from '../../src/index.ts'
import { runningSite } from '../running-site.ts'
import { drive, tape, volume, writeTo } from '../site.ts'

const seed = numberSetting('NB_SEED', 20_261_127)
const histories = process.env['NB_LONG'] === '1' ? 10_000 : 60
if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

type Tape = Extract<Allocation['medium'], { kind: 'tape' }>

const mediumOf = ({ medium }: Allocation): Tape => medium as Tape

t.test('a job that may not wait for a volume is told that there is none', async (t) => {
  const { media, give } = await runningSite(t, {}, { whenNoNextVolume: 'refuse' })
  for (const volumeId of ['A00002', 'A00003']) await media.putVolume(volume(volumeId, { state: 'expired' }))
  await give('1')
  const need = { ...writeTo('tape1'), replaces: 'a1' }
  t.match(await media.allocate({ allocationId: 'b1', jobId: '1', need }), {
    granted: false,
    possible: false,
    blockers: [{ kind: 'volume', reason: 2000 }],
  })
})

t.test('while the robot is down the job waits for it; a volume in another drive will do', async (t) => {
  const { media, give } = await runningSite(t)
  const first = await give('1')
  await media.putRobot({ name: 'tld0', state: 'down' })
  const need = { ...writeTo('tape1'), replaces: 'a1' }
  t.match((await media.blockers({ need })).blockers, [{ kind: 'robot', reason: 2020 }])
  await media.recordMount({ volumeId: 'A00003', drive: 'd3' })
  t.match(await media.allocate({ allocationId: 'b1', jobId: '1', need }), {
    allocation: { medium: { drive: 'd3', volumeId: 'A00003' }, replaces: 'a1' },
  })
  t.equal(
    (await give('2', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00003' }).catch(() => undefined)) ??
      'none',
    'none',
  )
  t.not(first.drive, 'd3')
})

t.test('jobs that share a drive are brought the volume that only rests in another one', async (t) => {
  const { media, give } = await runningSite(t, { maxConcurrentDrives: 1, maxStreamsPerDrive: 2 })
  const shared = { ...writeTo('tape1'), multiplexing: 2 }
  const first = await give('1', shared)
  t.equal((await give('2', shared)).drive, first.drive)
  for (const volumeId of ['A00002', 'A00003'])
    if (volumeId !== first.volumeId) await media.putVolume(volume(volumeId, { state: 'expired' }))
  await media.putVolume(volume('A00004'))
  await media.recordMount({ volumeId: 'A00004', drive: 'd2' })
  const need = { ...shared, replaces: 'a1' }
  await media.putRobot({ name: 'tld0', state: 'down' })
  t.match((await media.blockers({ need })).blockers, [{ kind: 'robot', name: 'tld0', reason: 2020 }])
  await media.putRobot({ name: 'tld0', state: 'up' })
  const next = { medium: { drive: first.drive, volumeId: 'A00004' } }
  t.match(await media.allocate({ allocationId: 'b1', jobId: '1', need }), { allocation: next })
  t.match(await media.allocate({ allocationId: 'b2', jobId: '2', need: { ...need, replaces: 'a2' } }), {
    allocation: next,
  })
})

t.test('what a job waits for at the end of its volume is told by volume and drive', async (t) => {
  const { media, give } = await runningSite(t, { maxStreamsPerDrive: 2 })
  const reasons = async (need: MediaNeed): Promise<readonly string[]> =>
    (await media.blockers({ need })).blockers.map(({ goesOnWhen }) => goesOnWhen)
  await give('1')
  const need = { ...writeTo('tape1'), replaces: 'a1' }
  await media.putVolume(volume('A00003', { state: 'expired' }))
  const other = await give('2', { kind: 'read', storageUnit: 'tape1', volumeId: 'A00002' })
  t.same(await reasons(need), [`job 2 gives volume A00002 back (in drive ${other.drive})`])
  await media.release({ allocationId: 'a2' })
  await media.recordMount({ volumeId: 'A00002', drive: other.drive })
  await media.setDriveState({ name: other.drive, state: 'down', reason: 'heads' })
  t.same(await reasons(need), [`drive ${other.drive} is brought up (down: heads), with volume A00002 in it`])
  await media.setDriveState({ name: other.drive, state: 'up' })
  t.match(await media.allocate({ allocationId: 'b1', jobId: '1', need }), {
    allocation: { medium: { drive: other.drive, volumeId: 'A00002' } },
  })
})

t.test('a volume that the job before left in the drive is none of another job', async (t) => {
  const { media, give } = await runningSite(t)
  const { drive: own } = await give('1')
  for (const volumeId of ['A00002', 'A00003']) await media.putVolume(volume(volumeId, { state: 'expired' }))
  await media.putVolume(volume('A00004'))
  await media.recordMount({ volumeId: 'A00004', drive: own })
  await media.putRobot({ name: 'tld0', state: 'down' })
  t.match(
    await media.allocate({ allocationId: 'b1', jobId: '1', need: { ...writeTo('tape1'), replaces: 'a1' } }),
    { allocation: { medium: { drive: own, volumeId: 'A00004' } } },
  )
})

t.test('where no robot can bring it, jobs that share a drive are told where the volume rests', async (t) => {
  const { media, give } = await runningSite(t, { maxStreamsPerDrive: 2, robot: undefined } as never)
  for (const name of ['d1', 'd2']) await media.putDrive({ ...drive(name), robot: undefined } as never)
  for (const id of ['A00001', 'A00002']) await media.putVolume({ ...volume(id), robot: undefined } as never)
  const shared = { ...writeTo('tape1'), multiplexing: 2 }
  const first = await give('1', shared)
  await give('2', shared)
  const [other, left] = [
    first.drive === 'd1' ? 'd2' : 'd1',
    first.volumeId === 'A00001' ? 'A00002' : 'A00001',
  ]
  await media.recordMount({ volumeId: left, drive: other })
  t.match(await media.allocate({ allocationId: 'b1', jobId: '1', need: { ...shared, replaces: 'a1' } }), {
    possible: true,
    blockers: [
      {
        kind: 'volume',
        name: left,
        reason: 2000,
        goesOnWhen: `volume ${left} is taken out of drive ${other}`,
      },
    ],
  })
})

/** A history: jobs come, go on, and go; the power fails in the midst of a write. */
t.test(
  'whatever fails, no drive and no volume is two groups\u2019, and a job has what it had or the next',
  async (t) => {
    t.comment(`${histories} histories, seed ${seed}`)
    const random = seededRandom(seed)
    let exchanges = 0
    for (let history = 0; history < histories; history++) {
      const faults = createFaultPlan([{ point: '*', occurrence: 12 + Math.floor(random() * 60) }])
      const storage = createPowerLossStorage({ faults, seed: Math.floor(random() * 2 ** 31) })
      const clock = createVirtualClock()
      const open = () => createMediaManager({ store: storage.database('emm'), clock })
      const media = open()
      /** What each job knows to have, by job; and what it asked for when the power failed. */
      const known = new Map<string, Allocation>()
      const asked = new Map<string, { readonly id: string; readonly need: MediaNeed } | 'release'>()
      try {
        await media.start()
        await media.putStorageUnit(tape('tape1', { maxConcurrentDrives: 2, maxStreamsPerDrive: 3 }))
        for (const name of ['d1', 'd2']) await media.putDrive(drive(name))
        for (let number = 1; number < 10; number++) await media.putVolume(volume(`A0000${number}`))
        for (let step = 0; step < 60; step++) {
          const jobId = `${Math.floor(random() * 5)}`
          const held = known.get(jobId)
          const wish = { ...writeTo('tape1'), multiplexing: 1 + (Number(jobId) % 3) }
          if (held !== undefined && random() < 0.3) {
            asked.set(jobId, 'release')
            await media.release({ allocationId: held.allocationId })
            known.delete(jobId)
          } else {
            const id = `${jobId}/${step}`
            const need = held === undefined ? wish : { ...wish, replaces: held.allocationId }
            asked.set(jobId, { id, need })
            const answer = await media.allocate({ allocationId: id, jobId, need })
            if (answer.granted) known.set(jobId, answer.allocation)
            if (answer.granted && held !== undefined) {
              exchanges += 1
              const group = mediumOf(answer.allocation).multiplex
              if (group?.succeeds !== mediumOf(held).multiplex?.group) t.fail('it succeeds another group')
              await media.assignImage({ volumeId: mediumOf(held).volumeId, backupId: id, retentionLevel: 1 })
              if (random() < 0.5) await media.unassignImage({ backupId: id })
            }
          }
          asked.delete(jobId)
          check(await collect(media.allocations({})), known)
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'store-failed') throw error
      }
      if (!storage.lost) storage.lose()
      storage.restore()
      const again = open()
      await again.start()
      // What was under way is asked again, and answered as if nothing had happened.
      for (const [jobId, request] of asked) {
        if (request === 'release') {
          await again.release({ allocationId: known.get(jobId)?.allocationId ?? '' })
          known.delete(jobId)
        } else if (known.has(jobId) || (await collect(again.allocations({ jobId }))).length > 0) {
          const answer = await again.allocate({ allocationId: request.id, jobId, need: request.need })
          if (answer.granted) known.set(jobId, answer.allocation)
        }
      }
      check(await collect(again.allocations({})), known)
      await again.stop()
    }
    t.ok(exchanges > histories, `${exchanges} exchanges`)

    function check(now: readonly Allocation[], known: ReadonlyMap<string, Allocation>): void {
      const expected = [...known.values()].map(({ allocationId }) => allocationId).sort()
      if (
        now
          .map(({ allocationId }) => allocationId)
          .sort()
          .join() !== expected.join()
      )
        t.same(now, expected)
      const groups = new Map<string, string>()
      const volumes = new Map<string, string>()
      for (const one of now) {
        const { drive: name, volumeId, multiplex } = mediumOf(one)
        const group = multiplex?.group ?? one.allocationId
        // On a drive there is one group, and the one that it goes on from.
        const line =
          multiplex?.succeeds !== undefined &&
          now.some((each) => mediumOf(each).multiplex?.group === multiplex.succeeds)
            ? multiplex.succeeds
            : group
        if ((groups.get(name) ?? line) !== line)
          t.fail(`drive ${name} is given to ${groups.get(name)} and ${line}`)
        if ((volumes.get(volumeId) ?? group) !== group) t.fail(`volume ${volumeId} is given twice`)
        groups.set(name, line)
        volumes.set(volumeId, group)
      }
    }
  },
)

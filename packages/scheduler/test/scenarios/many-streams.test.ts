import { type LocalFileSystem, toPath } from '@nb/contracts'
import { collect, createPowerLossStorage, nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { streamsOf } from '../../src/streams.ts'
import { site } from '../site.ts'

const minute = 60_000
const hour = 60 * minute
const disk = (mountPoint: string): LocalFileSystem => ({ mountPoint: toPath(mountPoint), type: 'ext4' })
const drives = nightlyPolicy({ selections: ['ALL_LOCAL_DRIVES'], multipleStreams: true })

t.test('streams of the selections: one per path, per NEW_STREAM, per file system', async (t) => {
  const of = (...selections: string[]) =>
    streamsOf(nightlyPolicy({ multipleStreams: true, selections: selections as never }), [
      disk('/'),
      disk('/srv'),
    ])
  const names = (...selections: string[]) =>
    of(...selections).map(({ name, selections: s }) => [name, s?.length])
  t.strictSame(names('/a', '/b'), [
    ['/a', 1],
    ['/b', 1],
  ])
  t.strictSame(names('NEW_STREAM', '/a', '/b', 'NEW_STREAM', '/c'), [
    ['/a', 2],
    ['/c', 1],
  ])
  t.strictSame(names('/x', 'NEW_STREAM', '/a'), [
    ['/x', 1],
    ['/a', 1],
  ])
  t.strictSame(names('ALL_LOCAL_DRIVES'), [
    ['/', 1],
    ['/srv', 1],
  ])
  t.strictSame(names('/srv', 'NEW_STREAM', 'ALL_LOCAL_DRIVES').length, 2, 'of one name the first counts')
  const single = nightlyPolicy({ selections: ['ALL_LOCAL_DRIVES'] })
  t.strictSame(streamsOf(single, [disk('/'), disk('/srv')]), [{ selections: ['/', '/srv'] }])
  t.strictSame(streamsOf(nightlyPolicy(), []), [{}])
})

t.test('a file system that was mounted since is backed up as well, fully', async (t) => {
  const mounted = [disk('/')]
  const { clock, scripted, boot } = site({
    clients: { get: () => ({ fileSystems: async () => [...mounted] }) },
  })
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: drives })
  await clock.advance(11 * hour)
  t.strictSame(scripted.submitted[0]?.streamSet, ['/'])
  scripted.finish('1.1', 0)
  mounted.push(disk('/data'))
  await clock.advance(24 * hour)
  const kinds = scripted.submitted
    .slice(1)
    .map(({ schedule, streams }) => [schedule.name, streams?.[0]?.name])
  t.strictSame(kinds, [
    ['full', '/data'],
    ['incr', '/'],
  ])
  t.match(await collect(scheduler.tasks({})), [
    { stream: '/', state: 'running', jobId: '3.1' },
    { stream: '/data', state: 'running', jobId: '2.1' },
  ])
  await scheduler.stop()
})

t.test(
  'the client is unreachable at its hour: the task says so, and it starts when the client is back',
  async (t) => {
    let isUp = false
    const agent = { fileSystems: async () => [disk('/')] }
    const { clock, scripted, boot } = site({ clients: { get: () => (isUp ? agent : undefined) } })
    const scheduler = await boot()
    await scheduler.putPolicy({ policy: drives })
    await clock.advance(12 * hour)
    const [task] = await collect(scheduler.tasks({}))
    t.match(task, {
      state: 'blocked',
      reason: 'client web1 does not tell its file systems: it is not connected',
    })
    await t.rejects(scheduler.runNow({ policy: 'nightly' }), { code: 'client-unreachable', status: 58 })
    isUp = true
    await clock.advance(2 * minute)
    t.equal(scripted.submitted.length, 1)
    t.equal(scripted.submitted[0]?.streams?.[0]?.retry?.tries, 2, 'no try was used')
    await scheduler.stop()
  },
)

t.test('ALL_LOCAL_DRIVES without client agents to ask is told as not supported', async (t) => {
  const { clock, boot } = site()
  const scheduler = await boot()
  await scheduler.putPolicy({ policy: drives })
  await clock.advance(12 * hour)
  t.match(await collect(scheduler.tasks({})), [
    { state: 'blocked', reason: /was given no client agents to ask/ },
  ])
  await t.rejects(collect(scheduler.preview({ policy: 'nightly', from: 0, to: hour })), {
    code: 'not-supported',
  })
  await scheduler.stop()
})

t.test('the scheduler restarts while streams run: all are followed, none is started again', async (t) => {
  const { clock, scripted, lines, boot } = site()
  const selections = [toPath('/a'), toPath('/b'), toPath('/c')]
  const first = await boot()
  await first.putPolicy({ policy: nightlyPolicy({ selections, multipleStreams: true }) })
  await clock.advance(11 * hour)
  scripted.finish('1.1', 0)
  await clock.advance(minute)
  await first.stop()
  scripted.finish('1.2', 0)
  const second = await boot()
  await clock.advance(minute)
  scripted.finish('1.3', 0)
  await clock.advance(minute)
  t.equal(scripted.submitted.length, 1)
  t.strictSame(
    lines.map(({ jobId, line }) => [jobId, line.step?.number]),
    [
      ['1.1', 17],
      ['1.2', 17],
      ['1.3', 17],
    ],
  )
  await second.stop()
})

t.test('a crash between the intent and the answer finds the children of the same job', async (t) => {
  const { clock, scripted, boot } = site()
  const selections = [toPath('/a'), toPath('/b')]
  const first = await boot()
  await first.putPolicy({ policy: nightlyPolicy({ selections, multipleStreams: true }) })
  const submit = scripted.jobs.submit.bind(scripted.jobs)
  Object.assign(scripted.jobs, {
    submit: (...input: Parameters<typeof submit>) => submit(...input).then(() => new Promise(() => {})),
  })
  await clock.advance(11 * hour)
  Object.assign(scripted.jobs, { submit })
  const second = await boot()
  await clock.advance(minute)
  t.equal(scripted.submitted.length, 1)
  t.match(await collect(second.tasks({})), [
    { stream: '/a', state: 'running', jobId: '1.1' },
    { stream: '/b', state: 'running', jobId: '1.2' },
  ])
  await second.stop()
})

t.test('the image of one stream is no backup of all that a policy without streams selects', async (t) => {
  const { clock, scripted, boot } = site()
  const scheduler = await boot()
  const selections = [toPath('/a'), toPath('/b')]
  await scheduler.putPolicy({ policy: nightlyPolicy({ selections, multipleStreams: true }) })
  await clock.advance(11 * hour)
  scripted.finish('1.1', 0)
  scripted.finish('1.2', 0)
  await clock.advance(minute)
  await scheduler.putPolicy({ policy: nightlyPolicy({ selections }), generation: 1 })
  await clock.advance(minute)
  t.match(scripted.submitted[1], { schedule: { name: 'full' } })
  t.equal(scripted.submitted[1]?.streams, undefined)
  await scheduler.stop()
})

t.test(
  'the power fails at every write of a night: each stream is asked for once, and followed',
  async (t) => {
    const selections = [toPath('/a'), toPath('/b')]
    let losses = 0
    for (let lossAt = 0, isHit = true; isHit; lossAt++) {
      isHit = false
      let writes = -1000
      const hit = () => writes++ === lossAt && (isHit = true)
      const storage = createPowerLossStorage({ faults: { hit, pending: [], assertAllHit: () => undefined } })
      const { clock, scripted, boot } = site({ database: () => storage.database('master') })
      const first = await boot()
      await first.putPolicy({ policy: nightlyPolicy({ selections, multipleStreams: true }) })
      writes = 0
      await clock.advance(11 * hour)
      const night = async () => {
        scripted.finish('1.1', 0)
        await clock.advance(minute)
        scripted.finish('1.2', 0)
        await clock.advance(minute)
      }
      if (!isHit) await night()
      if (!isHit) break
      losses += 1
      await first.stop()
      storage.restore()
      const second = await boot()
      await clock.advance(2 * minute)
      t.equal(scripted.submitted.length, 1, `power lost at write ${lossAt}`)
      await night()
      await clock.advance(hour)
      t.equal(scripted.submitted.length, 1)
      t.match(await collect(second.tasks({})), [
        { stream: '/a', state: 'waiting' },
        { stream: '/b', state: 'waiting' },
      ])
      await second.stop()
    }
    t.ok(losses >= 4, `${losses} losses of power`)
  },
)

import { createScriptedJobs, nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { createPolicyDirectory } from '../../src/policy-files/policy-directory.ts'
import { describeProblem } from '../../src/policy-files/file-problem.ts'
import { parsePolicy, printPolicy } from '../../src/index.ts'
import { createScheduler } from '../../src/scheduler.ts'
import { directory, site } from './site.ts'

const web = printPolicy(nightlyPolicy({ name: 'web' }))

t.test('policies are loaded at the start; a bad file is told and holds nothing else up', async (t) => {
  const { boot, write } = site()
  await write('web.yaml', `# ours\n${web}`)
  await write('bad.yaml', 'clients: [x]\nselektions: [/]\n')
  await write('.web.yaml.swp', 'an editor was here')
  const { scheduler, policies, stop } = await boot()
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 1, clients: ['web1'] })
  t.equal(await scheduler.getPolicy({ name: 'bad' }), undefined)
  const { problems, applied } = await policies.reload()
  t.strictSame(applied, [], 'nothing new the second time')
  t.match(problems.map(describeProblem), [
    /^bad.yaml:1:1: schedules is missing/,
    /^bad.yaml:2:1: selektions is no known key; did you mean "selections"\?/,
  ])
  await stop()
})

t.test('an edit takes effect within seconds; a bad edit leaves the policy as it was', async (t) => {
  const { clock, boot, write } = site()
  await write('web.yaml', web)
  const { scheduler, reports, stop } = await boot()
  await clock.advance(1000)
  await write('web.yaml', `${web}priority: 7\n`)
  await clock.advance(6000)
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 2, priority: 7 })
  await write('web.yaml', `${web}priority: high\n`)
  await clock.advance(6000)
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 2, priority: 7 })
  t.match(reports.at(-1), { problems: [{ file: 'web.yaml', field: 'priority' }] })
  await write('web.yaml', `# a comment only\n${web}priority: 7\n`)
  await clock.advance(6000)
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 2 }, 'a comment changes no policy')
  t.match(reports.at(-1), { problems: [] })
  await stop()
})

t.test('a change through the port is written to the file, and its comments stay', async (t) => {
  const { clock, boot, write, read, list } = site()
  await write('web.yaml', `# ours\n${web}`)
  const { scheduler, policies, stop } = await boot()
  const {
    generation,
    changedAt: _,
    ...policy
  } = (await scheduler.getPolicy({ name: 'web' })) as never as {
    generation: number
    changedAt: number
  } & ReturnType<typeof nightlyPolicy>
  await scheduler.putPolicy({ policy: { ...policy, priority: 9 }, generation })
  await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'made-here' }) })
  await clock.advance(0)
  await policies.reload()
  t.match(await read('web.yaml'), /^# ours\n[^]*\npriority: 9\n/)
  t.strictSame(parsePolicy((await read('made-here.yaml')) ?? ''), nightlyPolicy({ name: 'made-here' }))
  t.match(
    await scheduler.getPolicy({ name: 'web' }),
    { generation: 2 },
    'what was written is not loaded again',
  )
  await scheduler.removePolicy({ name: 'made-here' })
  await policies.reload()
  await clock.advance(6000)
  t.strictSame(await list(), ['web.yaml'])
  await stop()
})

t.test('a file that goes away takes its policy with it, also while nothing runs', async (t) => {
  const { clock, boot, write, remove } = site()
  await write('web.yaml', web)
  await write('db.yaml', printPolicy(nightlyPolicy({ name: 'db' })))
  await write('mail.yaml', printPolicy(nightlyPolicy({ name: 'mail' })))
  const first = await boot()
  await remove('web.yaml')
  await clock.advance(6000)
  t.equal(await first.scheduler.getPolicy({ name: 'web' }), undefined)
  await first.stop()
  await remove('db.yaml')
  const second = await boot()
  t.equal(await second.scheduler.getPolicy({ name: 'db' }), undefined)
  await remove('mail.yaml')
  t.match((await second.policies.reload()).problems, [
    { message: /no policy file any more; all policies stay/ },
  ])
  t.ok(
    await second.scheduler.getPolicy({ name: 'mail' }),
    'a folder that is not mounted takes nothing with it',
  )
  await second.stop()
})

t.test(
  'a policy that goes before the scheduler starts leaves no task behind, and starts nothing',
  async (t) => {
    const { clock, storage, boot, write, remove } = site()
    await write(
      'web.yaml',
      printPolicy(nightlyPolicy({ name: 'web', effectiveAt: 20 * 3_600_000 + clock.now() })),
    )
    await write('db.yaml', printPolicy(nightlyPolicy({ name: 'db' })))
    await (await boot()).stop()
    await remove('web.yaml')
    const { files } = storage
    const store = storage.database('master')
    const scripted = createScriptedJobs(clock)
    const log = { append: () => Promise.resolve() }
    const scheduler = createScheduler({ ...scripted, clock, log, store }, { timeZone: 'UTC' })
    const policies = createPolicyDirectory({ scheduler, files, clock, store }, { directory })
    await policies.start()
    await policies.stop()
    t.strictSame(scripted.submitted, [])
    await scheduler.start()
    await clock.advance(86_400_000)
    t.ok(scripted.submitted.length > 0)
    t.ok(scripted.submitted.every(({ policy }) => policy.name === 'db'))
    const names: string[] = []
    for await (const { policy } of scheduler.tasks({})) names.push(policy)
    t.strictSame([...new Set(names)], ['db'])
    await scheduler.stop()
  },
)

t.test('a file that is given another name keeps its policy', async (t) => {
  const { clock, boot, write, remove } = site()
  await write('web.yaml', web)
  const { scheduler, stop } = await boot()
  await remove('web.yaml')
  await write('www.yaml', web)
  await clock.advance(6000)
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 1 })
  await stop()
})

t.test('two files of one policy: the first by name counts, the second is told', async (t) => {
  const { boot, write } = site()
  await write('a.yaml', web)
  await write('b.yaml', `${web}priority: 3\n`)
  const { scheduler, policies, stop } = await boot()
  t.equal((await scheduler.getPolicy({ name: 'web' }))?.priority, undefined)
  t.match((await policies.reload()).problems, [{ file: 'b.yaml', message: /which a.yaml holds/ }])
  await stop()
})

t.test('edited on both sides: neither overwrites the other unseen', async (t) => {
  const { boot, write, read } = site()
  await write('web.yaml', web)
  const first = await boot()
  await first.policies.stop()
  await first.scheduler.putPolicy({ policy: nightlyPolicy({ name: 'web', priority: 1 }), generation: 1 })
  await first.scheduler.stop()
  await write('web.yaml', `${web}priority: 2\n`)
  const { scheduler, policies, reports, stop } = await boot()
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 2, priority: 1 })
  t.match(await read('web.yaml'), 'priority: 2')
  t.match(await read('web.yaml.stored'), 'priority: 1')
  t.match(reports, [{ problems: [{ file: 'web.yaml', message: /put both together/ }] }])
  await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'web', priority: 4 }), generation: 2 })
  t.match((await policies.reload()).problems, [{ message: /generation 3.*put both together/ }])
  t.match(await read('web.yaml'), 'priority: 2', 'an edit that waits is not overwritten by the next change')
  t.match(await read('web.yaml.stored'), 'priority: 4', 'what is beside it is what the policy is now')
  await write('web.yaml', `${web}priority: 3\n`)
  t.match(await policies.reload(), { applied: ['web'], problems: [] })
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 4, priority: 3 })
  t.equal(await read('web.yaml.stored'), undefined, 'what a conflict has put beside the file goes with it')
  await stop()
})

t.test(
  'a policy that was removed and made anew while nobody looked is not overwritten by an edit of its old file',
  async (t) => {
    const { boot, write, read } = site()
    await write('web.yaml', web)
    const first = await boot()
    await first.policies.stop()
    await first.scheduler.removePolicy({ name: 'web' })
    await first.scheduler.putPolicy({ policy: nightlyPolicy({ name: 'web', priority: 1 }) })
    await first.scheduler.stop()
    await write('web.yaml', `${web}priority: 2\n`)
    const { scheduler, reports, stop } = await boot()
    t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 2, priority: 1 })
    t.match(await read('web.yaml.stored'), 'priority: 1')
    t.match(reports, [{ problems: [{ file: 'web.yaml', message: /put both together/ }] }])
    await stop()
  },
)

t.test('a file that went away and comes back makes its policy anew, at the next generation', async (t) => {
  const { boot, write, remove } = site()
  await write('web.yaml', web)
  await write('other.yaml', printPolicy(nightlyPolicy({ name: 'other' })))
  const { scheduler, policies, stop } = await boot()
  await remove('web.yaml')
  t.match(await policies.reload(), { removed: ['web'] })
  await policies.reload()
  t.match(await scheduler.policyRemoval({ name: 'web' }), { generation: 1 })
  await write('web.yaml', web)
  t.match(await policies.reload(), { applied: ['web'], problems: [] })
  t.match(await scheduler.getPolicy({ name: 'web' }), { generation: 2 })
  await stop()
})

t.test('the retention table is loaded too, before the policies that name its periods', async (t) => {
  const { boot, write } = site()
  await write('retention-levels.yaml', '3: 40 days\n11: 7 years\n')
  await write('web.yaml', web.replace('retention: 3', 'retention: 7 years'))
  const { scheduler, policies, stop } = await boot()
  t.match((await scheduler.retentionLevels({}))[11], { level: 11, periodMs: 7 * 365 * 86_400_000 })
  t.equal((await scheduler.getPolicy({ name: 'web' }))?.schedules[0]?.retentionLevel, 11)
  await write('retention-levels.yaml', '9: 1 week\n101: 1 day\n3: soon\n')
  t.match((await policies.reload()).problems.map(describeProblem), [
    /:1:4: 9 is fixed/,
    /:2:6: 101 must have a retention level/,
    /:3:4: 3 must be a period/,
  ])
  await stop()
})

t.test('the power fails at every write while a policy is loaded, changed and saved', async (t) => {
  let losses = 0
  for (let lossAt = 0, isHit = true; isHit; lossAt++) {
    isHit = false
    let operation = 0
    const { storage, boot, write, read, list } = site(() => operation++ === lossAt && (isHit = true))
    operation = -1000
    await write('web.yaml', web)
    operation = 0
    const change = async () => {
      const { scheduler, policies } = await boot()
      await scheduler.putPolicy({ policy: nightlyPolicy({ name: 'web', priority: 5 }), generation: 1 })
      await policies.reload()
    }
    await change().catch(() => undefined)
    if (!isHit) break
    losses += 1
    storage.restore()
    const { scheduler, policies, stop } = await boot()
    const { problems } = await policies.reload()
    t.strictSame(problems, [], `power lost at write ${lossAt}`)
    const stored = await scheduler.getPolicy({ name: 'web' })
    t.strictSame(
      parsePolicy((await read('web.yaml')) ?? '').priority,
      stored?.priority,
      'file and policy agree',
    )
    t.strictSame(
      (await list()).filter((name) => !name.endsWith('.tmp')),
      ['web.yaml'],
    )
    await stop()
  }
  t.ok(losses > 5, `${losses} losses of power`)
})

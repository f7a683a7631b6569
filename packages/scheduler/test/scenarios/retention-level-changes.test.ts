import { nightlyPolicy } from '@nb/test-kit'
import t from 'tap'
import { describeProblem } from '../../src/policy-files/file-problem.ts'
import { printPolicy } from '../../src/index.ts'
import { site } from '../policy-files/site.ts'

const dayMs = 86_400_000
const file = (name: string, retention: string) =>
  printPolicy(nightlyPolicy({ name })).replace(/retention: \d+/g, `retention: ${retention}`)
const levelOf = (policy: Awaited<ReturnType<Booted['scheduler']['getPolicy']>>) =>
  policy?.schedules[0]?.retentionLevel
type Booted = Awaited<ReturnType<ReturnType<typeof site>['boot']>>

t.test(
  'a level is set to another period: files that say the old one stay good, and are warned of',
  async (t) => {
    const { clock, boot, write, read } = site()
    await write('web.yaml', file('web', '1 month'))
    await write('db.yaml', file('db', '2 weeks'))
    const first = await boot()
    await first.scheduler.putRetentionLevel({ level: 3, periodMs: 40 * dayMs })
    await clock.advance(0)
    const { problems, warnings } = await first.policies.reload()
    t.strictSame(problems, [])
    t.match(warnings.slice(0, 1).map(describeProblem), [
      /^web.yaml:\d+:\d+: schedules\[0\]\.retention is "1 month", which no level has now; it stands for level 3 as before, which keeps 40 days: write "level 3", or a period that a level has \(1 week, 2 weeks, 3 weeks, 40 days, /,
    ])
    t.strictSame(
      warnings.map(({ field }) => field),
      ['schedules[0].retention', 'schedules[1].retention'],
    )
    t.equal(await read('retention-levels.yaml'), '3: 40 days\n', 'the change is in the folder')

    await write('web.yaml', `${file('web', '1 month')}priority: 7\n`)
    t.match(await first.policies.reload(), { applied: ['web'], problems: [] }, 'an edit counts')
    t.match(await first.scheduler.getPolicy({ name: 'web' }), { priority: 7 })
    t.equal(levelOf(await first.scheduler.getPolicy({ name: 'web' })), 3)
    await first.stop()

    const second = await boot()
    t.match(second.reports, [{ problems: [], warnings: [{ file: 'web.yaml' }] }], 'and after a restart')
    await second.stop()

    const anew = await boot('another database')
    t.match(anew.reports[0], { applied: ['db', 'web'], problems: [], warnings: [{ file: 'web.yaml' }] })
    t.equal(levelOf(await anew.scheduler.getPolicy({ name: 'web' })), 3, 'and after the database was lost')
    t.equal((await anew.scheduler.retentionLevels({}))[3]?.periodMs, 40 * dayMs)
    await anew.stop()
  },
)

t.test('a level that was changed through the port keeps what the file says of the others', async (t) => {
  const { boot, write, read } = site()
  await write('retention-levels.yaml', '# ours\n3: 40 days   # since spring\n"11":  7 years\n')
  const first = await boot()
  await first.scheduler.putRetentionLevel({ level: 3, periodMs: 50 * dayMs })
  await first.scheduler.putRetentionLevel({ level: 12, periodMs: null })
  await first.scheduler.putRetentionLevel({ level: 13, periodMs: 8 * 365 * dayMs })
  await first.policies.reload()
  const written = '# ours\n3: 50 days   # since spring\n"11":  7 years\n13: 8 years\n'
  t.equal(await read('retention-levels.yaml'), written)
  await write('retention-levels.yaml', written.replace('8 years', '9 years'))
  await first.policies.reload()
  t.equal((await first.scheduler.retentionLevels({}))[13]?.periodMs, 9 * 365 * dayMs, 'an edit counts')
  await first.stop()
  const second = await boot()
  t.equal((await second.scheduler.retentionLevels({}))[3]?.periodMs, 50 * dayMs, 'a restart undoes nothing')
  await second.stop()
})

t.test('a level that was changed on both sides: what was set stays, and is told', async (t) => {
  const { boot, write } = site()
  await write('retention-levels.yaml', '3: 40 days\n')
  const first = await boot()
  await first.policies.stop()
  await first.scheduler.putRetentionLevel({ level: 3, periodMs: 50 * dayMs })
  await first.scheduler.stop()
  await write('retention-levels.yaml', '3: 60 days\n4: 3 months\n')
  const { scheduler, policies, reports, stop } = await boot()
  t.match(reports[0]?.problems.map(describeProblem), [
    /^retention-levels.yaml:1:1: 3 was edited to 60 days while it was changed otherwise, to 50 days; that stays/,
  ])
  const levels = await scheduler.retentionLevels({})
  t.equal(levels[3]?.periodMs, 50 * dayMs)
  t.equal(levels[4]?.periodMs, 93 * dayMs, 'the other one counts')
  await policies.reload()
  t.equal((await scheduler.retentionLevels({}))[3]?.periodMs, 50 * dayMs, 'also when it is looked at again')
  await write('retention-levels.yaml', '3: 70 days\n4: 3 months\n')
  await policies.reload()
  t.equal((await scheduler.retentionLevels({}))[3]?.periodMs, 70 * dayMs)
  await stop()
})

t.test('a policy that is written to its file keeps a period that no level has now', async (t) => {
  const { boot, write, read } = site()
  await write('web.yaml', `# ours\n${file('web', '1 month')}`)
  const { scheduler, policies, stop } = await boot()
  await scheduler.putRetentionLevel({ level: 3, periodMs: 40 * dayMs })
  const stored = await scheduler.getPolicy({ name: 'web' })
  if (stored === undefined) throw new Error('there is a policy')
  const { generation, changedAt: _, ...policy } = stored
  await scheduler.putPolicy({ policy: { ...policy, active: false }, generation })
  await policies.reload()
  t.match(await read('web.yaml'), /# ours\n[^]*active: false[^]*retention: 1 month/)
  await stop()
})

t.test(
  'a period that never had a level, or whose level keeps for less by now, is refused with those there are',
  async (t) => {
    const { boot, write } = site()
    await write('retention-levels.yaml', '3: 1 week\n')
    await write('web.yaml', file('web', '1 month'))
    await write('db.yaml', file('db', '11 days'))
    const { reports, stop } = await boot()
    t.match(reports[0]?.problems.map(describeProblem), [
      /^db.yaml:\d+:\d+: schedules\[0\]\.retention must be a retention level 0–100 \("3" or "level 3"\), a period that a level has \(now 1 week, 2 weeks, 3 weeks, 2 months, .*\), "for ever" or "at once", not "11 days"$/,
      /^db.yaml:.* schedules\[1\]/,
      /^web.yaml:\d+:\d+: schedules\[0\].*not "1 month"$/,
      /^web.yaml:\d+:\d+: schedules\[1\].*not "1 month"$/,
    ])
    await stop()
  },
)

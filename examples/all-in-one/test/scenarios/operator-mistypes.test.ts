import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { mediaServerName } from '../../src/compose.ts'
import { boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { manualPolicy } from '../support/site.ts'
import { terminalOf } from '../support/terminal.ts'

t.setTimeout(110_000)

t.test('a value that is out of bounds is told with the name it was typed by, and ends with 2', async (t) => {
  const root = scratch('mistypes')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  writeFileSync(join(source, 'a'), 'a')
  const server = await boot(state)
  t.teardown(() => server.stop())
  const { nb, until, stop } = await terminalOf(server, state)
  t.teardown(stop)
  const { media, scheduler } = server.ports
  const policy = manualPolicy(source)
  const forUsers = { name: 'user', type: 'user-backup', windows: [], retentionLevel: 1 } as const
  await scheduler.putPolicy({ policy: { ...policy, schedules: [...policy.schedules, forUsers] } })
  await media.putStorageUnit({
    type: 'tape',
    name: 'tape1',
    mediaServer: mediaServerName,
    state: 'up',
    density: 'hcart',
    maxConcurrentDrives: 1,
    maxFragmentBytes: 2 ** 30,
    onDemandOnly: true,
  })
  const jobId = (await nb('backup', 'manual', '--schedule', 'full')).out.replace('job ', '').trim()
  await until(/^status +0: /m, 'job', jobId)

  const long = 'x'.repeat(1001)
  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['priority', ['priority', jobId, '100000'], /^nb: argument 'N' must be 0–99999/],
    [
      'max-jobs',
      ['storage', 'set', 'disk1', '--max-jobs', '99999'],
      /^nb: option '--max-jobs <N>' is 99999; allowed: a whole number 0–10000 jobs/,
    ],
    [
      'max-drives',
      ['storage', 'set', 'tape1', '--max-drives', '99999'],
      /^nb: option '--max-drives <N>' is 99999; allowed: .*0–10000 drives/,
    ],
    [
      'max-streams',
      ['storage', 'set', 'tape1', '--max-streams', '33'],
      /^nb: option '--max-streams <N>' is 33; allowed: .*1–32 jobs/,
    ],
    [
      'max-fragment',
      ['storage', 'set', 'disk1', '--max-fragment', '0'],
      /^nb: option '--max-fragment <MIB>' argument '0' is invalid. A whole number, 1-1073741824/,
    ],
    [
      'media server',
      ['media-server', 'set', 'local', '--max-jobs', '99999'],
      /^nb: option '--max-jobs <N>' is 99999; allowed/,
    ],
    [
      'pool',
      ['pool', 'set', 'NetBackup', '--max-partly-full', '0'],
      /^nb: option '--max-partly-full <N>' is 0; allowed: .*1–1000000 volumes/,
    ],
    ['name of a pool', ['pool', 'set', ' x'], /^nb: argument 'NAME' is " x"; allowed: 1–127 characters/],
    [
      'name of a group',
      ['group', 'set', '', 'disk1'],
      /^nb: argument 'NAME' is ""; allowed: 1–127 characters/,
    ],
    [
      'members',
      ['group', 'set', 'g', 'disk1', 'disk1'],
      /^nb: argument 'MEMBER' is \["disk1","disk1"\]; allowed: each storage unit once/,
    ],
    [
      'reason',
      ['storage', 'down', 'disk1', '--reason', long],
      /^nb: option '--reason <TEXT>' .*allowed: a text of at most 1000/,
    ],
    [
      'level',
      ['retention', 'set', '101', '1d'],
      /^nb: argument 'LEVEL' must be a whole number from 0 to 100, not 101/,
    ],
    ['fixed level', ['retention', 'set', '9', '1d'], /^nb: argument 'LEVEL' 9 is fixed/],
    [
      'period',
      ['retention', 'set', '3', '101y'],
      /^nb: .*'101y' is invalid for argument 'PERIOD'. At most 100y; or say ever/,
    ],
    [
      'preview',
      ['preview', 'manual', '--to', '9999-01-01'],
      /^nb: option '--to <TIME>' must be at most ten years after/,
    ],
    [
      'user schedule',
      ['backup', 'manual', '--schedule', 'user'],
      /^nb: option '--schedule <NAME>' user of policy manual is for users/,
    ],
    [
      'archive',
      ['backup', '--archive', '/'],
      /^nb: argument 'POLICY-or-PATH': an archive of "\/" would remove/,
    ],
    ['errors', ['errors', '--forget'], /^nb: /],
    [
      'from',
      ['preview', 'manual', '--from', '1960-01-01'],
      /^nb: option '--from <TIME>' must be between the years 1970 and 9999/,
    ],
    ['path', ['list', '/a\x00b'], /^nb: argument 'PATH' must be absolute/],
    ['restored path', ['restore', '/a\x00b'], /^nb: argument 'PATH' must be/],
    [
      'strip',
      ['restore', source, '--to', root, '--strip', '/elsewhere'],
      /^nb: option '--strip <PREFIX>' \/elsewhere is not in front of/,
    ],
    ['policy', ['backup', '--user', source, '--policy', ''], /^nb: option '--policy <NAME>'/],
  ]
  for (const [name, args, err] of refused) {
    const told = await nb(...args)
    t.match(told, { code: 2, out: '', err }, name)
    t.notMatch(told.err, /maxConcurrent|maxPartially|status 20/)
  }
  const json = await nb('priority', jobId, '100000', '--json')
  t.match(
    [json.code, JSON.parse(json.err)],
    [
      2,
      {
        error: {
          code: 'argument-invalid',
          message: /argument 'N' must be 0–99999/,
          details: { field: 'priority' },
        },
      },
    ],
  )
  t.match(
    await nb('priority', jobId, '1'),
    { code: 1, err: /state-conflict/ },
    'what can be meant is no mistake of the line',
  )
})

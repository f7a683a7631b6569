import { basename, join } from 'node:path'
import t from 'tap'
import { runIn } from './in-memory-server.ts'

const nb = (...args: string[]) => runIn({}, args)

t.test('help for a command that is not there names the mistake, and ends with 2', async (t) => {
  for (const [args, said] of [
    [['help', 'nosuch'], /^nb: unknown command 'nosuch'\n\(nb --help lists/],
    [['nosuch', '--help'], /^nb: unknown command 'nosuch'\n/],
    [['help', 'policy', 'nosuch'], /^nb: unknown command 'nosuch' of policy\n/],
    [['policy', 'help', 'nosuch'], /^nb: unknown command 'nosuch' of policy\n/],
    [['policy', 'nosuch', '--help'], /^nb: unknown command 'nosuch' of policy\n/],
    [['retention', 'nosuch', '--help'], /^nb: unknown command 'nosuch' of retention\n/],
  ] as const)
    t.match(await nb(...args), { code: 2, out: '', err: said }, args.join(' '))
})

t.test('help for a command that is there prints it, however it is asked for', async (t) => {
  for (const args of [
    ['help', 'policy', 'import'],
    ['policy', 'help', 'import'],
    ['policy', 'import', '--help'],
  ])
    t.match(await nb(...args), { code: 0, out: /^Usage: nb policy import /, err: '' }, args.join(' '))
  t.match(await nb('help'), { code: 0, out: /^Usage: nb \[options\]/ })
  t.match(await nb('help', 'jobs'), { code: 0, out: /^Usage: nb jobs / })
  t.match(await nb('--json', 'help', 'policy'), { code: 0, out: /^Usage: nb policy / })
})

t.test(
  '--state is the server’s folder: a state that was meant as a filter is told how to say it',
  async (t) => {
    t.match(await nb('jobs', '--state', 'active'), {
      code: 2,
      out: '',
      err: "nb: --state names the server's state folder, and there is no folder active; to list only jobs in a state, say --state-is active\n",
    })
    t.match(await nb('volumes', '--state', 'frozen'), {
      code: 2,
      err: /only volumes in a state, say --state-is frozen/,
    })
    t.match(await nb('policies', '--state', '/nowhere'), { code: 2, err: /there is no folder \/nowhere\n$/ })
    const state = t.testdir({})
    t.match(await nb('jobs', '--state', state), {
      code: 3,
      err: new RegExp(`no server listens on .*${basename(state)}/nb\\.sock`),
    })
  },
)

t.test('an empty socket or state folder, as of a variable that is not set, is told as one', async (t) => {
  t.match(await nb('--socket', '', 'jobs'), {
    code: 2,
    err: /^nb: option '--socket <PATH>' argument '' is invalid. The path of a socket, not an empty one\.\n/,
  })
  t.match(await nb('--state', '', 'jobs'), { code: 2, err: /'--state <DIR>' .* not an empty one/ })
  t.match(await runIn({}, ['jobs'], { NB_STATE: '' }), {
    code: 3,
    err: new RegExp(join('var', 'nb', 'nb.sock')),
  })
})

t.test('with --json a command that is missing is told as JSON', async (t) => {
  for (const [args, said] of [
    [['--json', 'policy'], /^say which command: show, /],
    [['host', '--json'], /^say which command: token, /],
    [['--json'], /^say which command: jobs, /],
  ] as const) {
    const { code, out, err } = await nb(...args)
    t.match({ code, out }, { code: 2, out: '' }, args.join(' '))
    t.match(JSON.parse(err), { error: { code: 'argument-invalid', status: 20, message: said } })
  }
})

t.test('a table is as wide as COLUMNS says where there is no terminal', async (t) => {
  const widest = async (env: Record<string, string>): Promise<number> => {
    const { out } = await runIn({}, ['help', 'old-names'], env)
    return Math.max(...out.split('\n').map((line) => line.length))
  }
  t.ok((await widest({})) > 60)
  t.equal(await widest({ COLUMNS: '60' }), 60)
})

t.test('what makes no sense together is told, and nothing is started', async (t) => {
  for (const [args, told] of [
    [['backup', 'nightly', 'weekly'], /^nb: one policy at a time/],
    [['backup', '--user', '--archive', '/srv'], /^nb: say either --user or --archive/],
    [['backup', 'nightly', '--policy', 'weekly'], /^nb: --policy is for --user and --archive/],
  ] as const) {
    t.match(await nb(...args), { code: 2, out: '', err: told })
  }
})

t.test(
  'a token that would be good too long or too short is refused in the units that were typed',
  async (t) => {
    for (const period of ['60d', '0s'])
      t.match(await nb('host', 'token', 'web1', '--role', 'client', '--valid', period), {
        code: 2,
        out: '',
        err: `a token is good for 1s to 30d, not for '${period}'`,
      })
  },
)

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { type ImageRecord, statusCodes } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { whyOverdue } from '../src/commands/overdue.ts'
import { createProgram } from '../src/program.ts'
import { runNb } from '../src/run-nb.ts'
import { type InMemoryServer, noon, runIn, startInMemoryServer } from './in-memory-server.ts'

let server: InMemoryServer
t.beforeEach(async () => {
  server = await startInMemoryServer()
})
t.afterEach(() => server.stop())

const activeJob = {
  state: 'active',
  operation: 'writing',
  activeAt: noon - 20_000,
  progress: { files: 1234, bytes: 50 * 2 ** 20, estimatedBytes: 100 * 2 ** 20 },
} as const

t.test('nb jobs lists them newest first, with units, and fits the terminal', async (t) => {
  server.jobs.change('1', { state: 'done', status: 0, endedAt: noon, activeAt: noon - 61_000 })
  server.jobs.change('2', { ...activeJob, policy: 'a-policy-with-a-name-longer-than-a-screen-would-like' })
  const { code, out } = await server.nb('jobs')
  t.equal(code, 0)
  const [title, second, first] = out.split('\n')
  t.match(title, /ID +TYPE +STATE +STATUS +POLICY/)
  t.match(
    second,
    /^ 2 +backup +active +- +a-policy-with-a-name-longer-than-a-screen-would-like .*1,234 +50\.0 MiB .* 0:20$/,
  )
  t.match(first, /^ 1 +backup +done +0 .* 1:01$/)
  const narrow = await server.nbIn({ columns: 100 }, 'jobs')
  for (const line of narrow.out.split('\n')) t.ok(line.length <= 100, line)
  t.match(narrow.out, /a-pol\S*…/)
})

t.test('nb jobs filters, limits, and says so when there are none', async (t) => {
  t.match(await server.nb('jobs'), { code: 0, out: '', err: 'no jobs\n' })
  server.jobs.change('1', { state: 'done', status: 0 })
  server.jobs.change('2', { client: 'web2' })
  const ids = async (...args: string[]): Promise<string[]> =>
    (await server.nb('jobs', '--json', ...args)).out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { id: string }).id)
  t.same(await ids(), ['2', '1'])
  t.same(await ids('--state-is', 'done'), ['1'])
  t.same(await ids('--client', 'web2'), ['2'])
  t.same(await ids('--limit', '1'), ['2'])
  t.equal((await server.nb('jobs', '--state-is', 'dancing')).code, 2)
  t.equal((await server.nb('jobs', '--limit', '-1')).code, 2)
})

t.test('an argument that can not be meant is told with its name and what it is', async (t) => {
  const wrong: readonly [readonly string[], RegExp][] = [
    [
      ['why', 'nightly'],
      /^nb: .*'nightly' is invalid for argument 'ID'\. Jobs have numbers; nb jobs lists them\./,
    ],
    [['job', '0'], /'0' is invalid for argument 'ID'/],
    [['cancel', '1', 'x'], /'x' is invalid for argument 'ID'/],
    [['jobs', '--parent', 'x'], /option '--parent <ID>' argument 'x' is invalid/],
    [['retention', 'set', '3', 'banana'], /'banana' is invalid for argument 'PERIOD'\..*write 90s, 15min/],
    [
      ['preview', '--from', 'banana'],
      /^nb: option '--from <TIME>' argument 'banana' is invalid\..*write 2026-03-01/,
    ],
    [['status', 'x'], /^nb: .*'x' is invalid for argument 'N'\. A whole number, 0 or more\./],
  ]
  for (const [args, err] of wrong)
    t.match(await server.nb(...args), { code: 2, out: '', err }, args.join(' '))
})

t.test('a reader that leaves while there is more to tell is no failure', async (t) => {
  for (let id = 1; id <= 40; id++) server.jobs.change(String(id), {})
  const stdout = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  const told: string[] = []
  const stderr = new PassThrough().setEncoding('utf8').on('data', (text: string) => told.push(text))
  const { signal } = new AbortController()
  const clock = createVirtualClock(noon)
  const args = ['--state', server.state, 'jobs', '--json']
  t.equal(await runNb(args, { env: {}, cwd: '/', stdout, stderr, clock, signal }), 0)
  t.same(told, [])
})

t.test('nb ends at once on Ctrl-C while a server hangs', async (t) => {
  const socketPath = join(server.state, 'hangs.sock')
  const controller = new AbortController()
  const hangs = createServer(() => controller.abort())
  await new Promise<void>((resolve) => hangs.listen(socketPath, resolve))
  t.teardown(() => hangs.close())
  const ran = await runIn({ signal: controller.signal }, ['--socket', socketPath, 'jobs'])
  t.same(ran, { code: 1, out: '', err: 'nb: stopped\n' })
})

t.test('nb jobs --follow goes on until Ctrl-C, and that is no failure', async (t) => {
  server.jobs.change('1', {})
  const controller = new AbortController()
  let seen = ''
  const { code, out, err } = await server.nbIn(
    {
      signal: controller.signal,
      onText: (text) => {
        if (seen === '') server.jobs.change('1', activeJob)
        seen += text
        if (seen.includes('active, writing')) controller.abort()
      },
    },
    'jobs',
    '--follow',
  )
  t.equal(code, 0)
  t.equal(err, '')
  t.match(out, /12:00:00 {2}job 1 {2}backup of web1 {2}queued\n.*active, writing {2}1,234 files, 50\.0 MiB/)
})

t.test('nb job shows the fields, then the log with its steps', async (t) => {
  server.jobs.change(
    '12',
    {
      state: 'done',
      status: 1,
      statusText: statusCodes[1]?.meaning ?? '',
      warnings: 2,
      endedAt: noon,
    },
    'resources are requested',
  )
  server.jobs.change('12', {}, 'careful: a file changed')
  const { code, out, err } = await server.nb('job', '12')
  t.equal(code, 0)
  t.match(out, /^job +12\ntype +backup \(immediate\)\nstate +done\nstatus +1: done, but some items/)
  t.notMatch(out, /status text/, 'what only repeats the status is left out')
  t.match(out, /12:00:00 {2}backup 3 {4}jobmanager {7}resources are requested\n/)
  t.match(out, /warning: careful: a file changed/)
  t.match(err, /remedy: Read the warnings/)
  const json = (await server.nb('job', '12', '--json')).out.trim().split('\n')
  t.same(
    json.map((line) => (JSON.parse(line) as { id?: string; text?: string }).text),
    [undefined, 'resources are requested', 'careful: a file changed'],
  )
})

t.test('nb job --follow ends with the job, and tells how', async (t) => {
  server.jobs.change('12', activeJob, 'first line')
  const { code, out } = await server.nbIn(
    {
      onText: (text) => {
        if (text.includes('first line'))
          server.jobs.change(
            '12',
            { state: 'done', status: 150, statusText: 'cancelled by ann' },
            'last line',
          )
      },
    },
    'job',
    '12',
    '--follow',
  )
  t.equal(code, 1)
  t.match(out, /first line\n[^]*last line\njob 12 ended with status 150/)
})

t.test('an unknown job is told with status, meaning and remedy', async (t) => {
  for (const command of ['job', 'cancel', 'why']) {
    const { code, out, err } = await server.nb(command, '99')
    t.equal(code, 1)
    t.equal(out, '')
    t.match(err, /^nb: there is no job 99.*\(job-unknown\)\nstatus 805: .*\nremedy: /)
  }
  const { err } = await server.nb('job', '99', '--json')
  t.match(JSON.parse(err), { error: { code: 'job-unknown', status: 805, retryable: false } })
})

t.test('nb cancel asks every job named', async (t) => {
  server.jobs.change('1', {})
  server.jobs.change('2', {})
  t.match(await server.nb('cancel', '1', '2', '--reason', 'enough'), { code: 0, out: /job 1: .*\njob 2: / })
  t.equal((await server.jobs.get({ jobId: '2' }))?.cancelRequested, true)
  server.jobs.change('3', { state: 'done', status: 0 })
  t.match(await server.nb('cancel', '3'), { code: 0, out: 'job 3: is done with status 0\n' })
})

t.test('nb cancel goes on after a job that is not there, and says which', async (t) => {
  server.jobs.change('14', {})
  const { code, out, err } = await server.nb('cancel', '99', '14', '98')
  t.equal(code, 1)
  t.equal(out, 'job 14: asked to end\n')
  t.match(err, /there is no job 99[^]*there is no job 98/)
  t.equal((await server.jobs.get({ jobId: '14' }))?.cancelRequested, true)
})

t.test('nb backup starts the jobs and leaves, or waits with a progress bar', async (t) => {
  t.match(await server.nb('backup', 'nightly'), { code: 0, out: 'job 100\njob 101\n' })
  const { code, out, err } = await server.nbIn(
    {
      columns: 120,
      onText: (text) => {
        if (text.startsWith('job 102')) setImmediate(() => server.jobs.change('102', activeJob))
        if (text.includes('50%')) server.jobs.change('102', { state: 'done', status: 0, endedAt: noon })
      },
    },
    'backup',
    'nightly',
    '--client',
    'web1',
    '--wait',
  )
  t.equal(code, 0)
  t.match(out, /job 102\njob 102 ended with status 0: everything requested was done/)
  t.match(err, /\[#{12}\.{12}\] 50% {2}1,234 files {2}50\.0 MiB {2}2\.5 MiB\/s {2}0:20/)
  t.match(await server.nb('backup', 'weekly'), { code: 1, err: /policy-unknown[^]*status 230/ })
})

t.test('nb restore asks for what was typed', async (t) => {
  const { code, out } = await server.nb(
    'restore',
    '/srv/a.txt',
    'sub/b\\xe9\\\\x',
    '--at',
    '2026-03-01 11:59',
    '--to',
    '/restored',
    '--strip',
    '/srv',
    '--if-exists',
    'skip',
  )
  t.equal(code, 0)
  t.equal(out, 'job 500\n')
  const [request] = server.restoreRequests
  t.match(request, {
    from: { client: 'web1', at: new Date(2026, 2, 1, 11, 59, 0, 999).getTime() },
    paths: ['/srv/a.txt', '/work-dir/sub/b\udce9\\x'],
    target: { kind: 'directory', directory: '/restored', strip: '/srv' },
    ifExists: 'skip',
  })
  await server.nb('restore', '/srv', '--client', 'web7', '--image', 'web7_1')
  t.match(server.restoreRequests[1], {
    from: { client: 'web7', backupId: 'web7_1' },
    target: { kind: 'original' },
    ifExists: 'fail',
  })
})

t.test('nb restore --wait ends with the status of the job and its remedy', async (t) => {
  const { code, out, err } = await server.nb('restore', '/srv', '--wait')
  t.equal(code, 1)
  t.match(out, /job 500\njob 500 ended with status 2800: the restore failed/)
  t.match(err, /fragment 1 of web1_1 is corrupt\nstatus 2800: the restore failed\nremedy: Read the job log/)
})

t.test('nb restore --preview reads and writes nothing', async (t) => {
  const { code, out } = await server.nb('restore', '/srv', '--preview')
  t.equal(code, 0)
  t.match(out, /12 entries, 2\.0 KiB of web1_2 to where it came from\nREAD FROM IMAGE/)
  t.same(server.restoreRequests, [])
})

t.test('nb list shows entries as ls does, and no name can move the cursor', async (t) => {
  const { code, out } = await server.nb('list', '/srv')
  t.equal(code, 0)
  t.same(out.split('\n'), [
    'drwxrwxrwt  0:0                   -  2026-03-01 12:00:00  /srv',
    '-rw-r--r--  0:0             1.5 KiB  2026-03-01 12:00:00  /srv/a.txt',
    '-rwsr-xr-x  0:0             1.5 KiB  2026-03-01 12:00:00  /srv/caf\\xe9',
    'lrw-r--r--  0:0             1.5 KiB  2026-03-01 12:00:00  /srv/link -> a\\x1b[2J',
    'crw-r--r--  0:0                1, 3  2026-03-01 12:00:00  /srv/null',
    '',
  ])
  const shown = await server.nb('list', '/srv/caf\\xe9', '--json')
  t.equal((JSON.parse(shown.out) as { path: string }).path, '/srv/caf\udce9')
})

t.test('nb list of what is not there says why', async (t) => {
  t.match(await server.nb('list', '/none'), { code: 1, err: /path-not-backed-up[^]*status 142/ })
  t.match(await server.nb('list', '/srv', '--at', '2020-01-01'), { code: 1, err: /status 190/ })
  t.match(await server.nb('list', '/srv', '--at', 'yesterday-ish'), { code: 2, err: /is no time/ })
})

t.test('nb find shows what matches, tells of more, and says what is no pattern', async (t) => {
  const { code, out } = await server.nb('find', '*a.txt')
  t.equal(code, 0)
  t.match(out, /^MODE +SIZE +MODIFIED +IMAGE +PATH\n-rw-r--r-- +1\.5 KiB .* web1_\d +\/srv\/a\.txt\n$/)
  const found = await server.nb('find', '--regex', 'srv', '--limit', '2', '--all-versions', '--json')
  t.match(found, { code: 0, err: /there are more; the first 2 are shown/ })
  t.equal(found.out.trim().split('\n').length, 2)
  t.match(await server.nb('find', 'nothing'), { code: 0, out: '', err: /nothing .* of web1 matches nothing/ })
  t.match(await server.nb('find', '*', '--policy', 'none', '--json'), { code: 0, out: '', err: '' })
  t.match(await server.nb('find', '['), { code: 2, err: /has a \[ without its \]/ })
  t.match(await server.nb('find', '*', '--from', '2026-01-01'), {
    code: 2,
    err: /--from needs --all-versions/,
  })
  t.match(await server.nb('find', '*', '--limit', '0'), { code: 2, err: /1-999999/ })
  t.match(await server.nb('find'), { code: 2 })
})

t.test('nb catalog check tells what is wrong, what follows, and what can be mended', async (t) => {
  const all = await server.nb('catalog', 'check')
  t.match(all, { code: 1, err: /1 sparse index is made anew when first needed/ })
  t.notMatch(all.err, /can be mended/)
  t.match(all.out, /web1_2: sparse-index: the sparse index is missing\n {2}consequence: the first lookup/)
  t.match(all.out, /web1_2: file-list: it is damaged[^]*repair: +nb import UNIT web1_2 --wait/)
  t.match(
    await server.nb('catalog', 'check', '--client', 'web1'),
    { code: 0, out: /none is needed; --repair makes it now/, err: /the catalog is sound/ },
    'as after a recovery',
  )
  t.match(await server.nb('catalog', 'check', '--client', 'web1', '--repair'), {
    code: 0,
    out: /repair: +mended/,
    err: /1 finding is mended/,
  })
  t.match(await server.nb('catalog', 'check', '--client', 'sound'), { code: 0, out: '', err: /is sound/ })
  t.match(await server.nb('catalog', 'check', '--client', 'nope'), {
    code: 1,
    out: '',
    err: /no image of client nope .* nb images .* \(client-unknown\)/,
  })
  const json = await server.nb('catalog', 'check', '--json')
  t.match(JSON.parse(json.out.split('\n')[1] ?? ''), { part: 'file-list', repair: 'none' })
})

t.test('nb list --versions lists the states of one path', async (t) => {
  const { code, out } = await server.nb('list', '/srv/a.txt', '--versions')
  t.equal(code, 0)
  t.match(out, /IMAGE .*DATA IN\nweb1_2 +-rw-r--r-- +1\.5 KiB .* web1_1\n/)
  t.match(await server.nb('list', '/none', '--versions'), { code: 0, err: /in no backup of web1/ })
})

t.test('nb verify starts a job for each image, and none where one of them can not be verified', async (t) => {
  t.match(await server.nb('verify', 'web1_2'), { code: 0, out: /^job [-0-9a-f]+\n$/ })
  t.match(await server.nb('verify', '--policy', 'nightly', '--json'), { code: 0, out: /^\{"jobId":/ })
  t.match(await server.nb('verify', 'web1_2', 'web1_9'), { code: 1, out: '', err: /no image web1_9/ })
  t.match(await server.nb('verify', 'web1_1'), { code: 1, out: '', err: /web1_1 is expired/ })
  t.match(await server.nb('verify', 'web1_2', '--copy', '2'), { code: 1, err: /has no copy 2/ })
  t.match(await server.nb('verify'), { code: 2, err: /name images, or say which/ })
  t.match(await server.nb('verify', 'web1_2', '--client', 'web1'), {
    code: 2,
    err: /name images, or say which/,
  })
})

function aStorageUnit(): void {
  server.media.facts.units.set('disk1', {
    type: 'disk',
    name: 'disk1',
    mediaServer: 'local',
    state: 'up',
    maxFragmentBytes: 1e9,
    maxConcurrentJobs: 2,
    onDemandOnly: false,
  })
}

t.test('nb import starts one job for a storage unit', async (t) => {
  aStorageUnit()
  t.match(await server.nb('import', 'disk1'), { code: 0, out: /^job [-0-9a-f]+\n$/ })
  t.match(await server.nb('import', 'disk1', 'web1_1', 'web1_2', '--json'), { code: 0, out: /^\{"jobId":/ })
  t.match(await server.nb('import', 'nosuch'), {
    code: 1,
    out: '',
    err: /no storage unit nosuch[^]*status 219/,
  })
  t.match(await server.nb('import'), { code: 2, err: /missing required argument 'UNIT'/ })
})

t.test('nb duplicate and nb copies', async (t) => {
  aStorageUnit()
  t.match(await server.nb('duplicate', 'web1_2', '--to', 'disk1'), { code: 0, out: /^job [-0-9a-f]+\n$/ })
  t.match(await server.nb('duplicate', 'web1_2', '--to-group', 'all', '--pool', 'off-site'), { code: 0 })
  t.match(await server.nb('duplicate', 'web1_2', '--to', 'dsik2'), {
    code: 1,
    out: '',
    err: /no storage unit dsik2/,
  })
  t.match(await server.nb('duplicate', 'web1_2'), { code: 2, err: /--to UNIT, or --to-group GROUP/ })
  t.match(await server.nb('duplicate', 'web1_2', 'web1_1', '--to', 'disk1'), {
    code: 1,
    out: '',
    err: /is expired/,
  })
  t.match(await server.nb('duplicate', 'web1_9', '--to', 'disk1'), { code: 1, err: /no image web1_9/ })
  t.match(await server.nb('copies', 'web1_2'), {
    code: 0,
    out: /COPY +PRIMARY +STORAGE[^]*1 +yes +disk1 +local +1 +3\.0 KiB/,
  })
  t.match(await server.nb('copies', 'web1_2', '--promote', '1'), { code: 0, out: /yes/ })
  t.match(await server.nb('copies', 'web1_9'), { code: 1, err: /no image web1_9/ })
})

t.test(
  'nb expire ends images, and one that others need only by force; a clean-up follows at once',
  async (t) => {
    t.match(await server.nb('expire', 'web1_9'), { code: 1, out: '', err: /no image web1_9/ })
    t.match(await server.nb('expire', 'web1_2'), { code: 1, out: '', err: /needed by web1_3/ })
    t.match(await server.nb('expire', 'web1_9', 'web1_2', '--force'), {
      code: 1,
      out: /^job \S+\n$/,
      err: /no image web1_9[^]*web1_2 is expired/,
    })
    t.match(await server.nb('expire'), { code: 2, err: /IMAGE/ })
  },
)

t.test('an image whose time is over says why it is still there', async (t) => {
  const image = (backupId: string, expiresAt: number | undefined, neededImages: readonly string[] = []) =>
    ({ backupId, client: 'web1', state: 'complete', expiresAt, neededImages }) as unknown as ImageRecord
  const asked: unknown[] = []
  const all = [
    image('full', 5),
    image('i1', 20, ['full', 'i1']),
    image('i2', undefined, ['full']),
    image('alone', 7),
  ]
  const catalog = {
    async *listImages(filter: unknown) {
      asked.push(filter)
      yield* all
    },
  }
  t.same(
    [...(await whyOverdue(catalog, all, 10, {}))],
    [
      ['full', 'held for 2 images'],
      ['alone', 'goes at the next clean-up'],
    ],
  )
  t.same(asked, [{ client: 'web1' }])
  t.equal((await whyOverdue(catalog, all, 4, {})).size, 0)
  t.equal(asked.length, 1, 'nothing is asked where nothing is overdue')
})

t.test(
  'a storage unit is lost: nb copies tells where each image is, and --promote-on reads the copies elsewhere',
  async (t) => {
    aStorageUnit()
    t.match(await server.nb('copies'), {
      code: 0,
      out: /IMAGE +POLICY +COPY +PRIMARY +STORAGE[^]*web1_2 +nightly +1 +yes +disk1/,
    })
    const copy = { copy: 2, storageUnit: 'disk2', mediaServer: 'local', fragments: [] }
    await server.catalog.addCopy({ backupId: 'web1_2', copy })
    t.match(await server.nb('copies', '--policy', 'nightly'), {
      code: 0,
      out: /web1_2 +nightly +2 +no +disk2/,
    })
    t.match(await server.nb('copies', '--promote-on', 'disk2', '--policy', 'nightly'), {
      code: 0,
      out: /1 image restored from disk2 from now on, 0 before/,
    })
    t.match(await server.nb('copies', 'web1_2'), { code: 0, out: /2 +yes +disk2[^]*1 +no +disk1/ })
    t.match(await server.nb('copies', '--promote-on', 'disk2'), { code: 0, out: /0 images .*, 1 before/ })
    t.match(await server.nb('copies', '--promote-on', 'disk9'), {
      code: 1,
      err: /none of 1 image has a copy on .* disk9/,
    })
    t.match(await server.nb('copies', 'web1_2', '--promote-on', 'disk2'), { code: 2, err: /leave out IMAGE/ })
    t.match(await server.nb('copies', '--promote', '2'), { code: 2, err: /needs the IMAGE/ })
    t.match(await server.nb('copies', '--promote-on', 'disk2', '--limit', '3'), {
      code: 2,
      err: /no --limit/,
    })
  },
)

t.test('nb images and nb policies are tables', async (t) => {
  t.match(await server.nb('images'), {
    code: 0,
    out: /^IMAGE +POLICY.* ENTRIES +SIZE +STORED +EXPIRES\nweb1_2 +nightly +full .* 1,234 +4\.8 MiB +3\.0 KiB +never\n$/,
  })
  t.match(await server.nb('images', '--all'), {
    code: 0,
    out: /STATE.* NOTE\n[^]*web1_1 .*expired .* damaged list\n/,
  })
  t.match(await server.nb('policies'), {
    code: 0,
    out: /nightly +yes +web1 web2 +\/srv +disk1 +full +2026-03-01 13:00:00\n$/,
  })
  t.match(JSON.parse((await server.nb('policies', '--json')).out), { name: 'nightly', generation: 1 })
})

t.test('nb why tells the reason, the holder and what would free it', async (t) => {
  server.jobs.change('8', {})
  const { code, out } = await server.nb('why', '8')
  t.equal(code, 0)
  t.equal(
    out,
    `job 8 waits since 2026-03-01 11:58:30 for storage unit disk1
waiting for 1:30

storage-unit-limit disk1 (2 of 2 in use), reason 2040
  goes on when one of its jobs ends
  held by job 7 for 1:00:00
`,
  )
})

t.test('the socket comes from --socket, --state, NB_STATE or var/nb', async (t) => {
  t.equal((await runIn({}, ['--state', server.state, 'jobs'])).code, 0)
  t.equal((await runIn({}, ['jobs', '--state', server.state])).code, 0)
  t.equal((await runIn({}, ['jobs'], { NB_STATE: server.state })).code, 0)
  const nobody = await runIn({}, ['jobs'])
  t.equal(nobody.code, 3)
  t.match(
    nobody.err,
    /no server listens on \/work-dir\/var\/nb\/nb\.sock[^]*status 25[^]*remedy: Start the server/,
  )
  const elsewhere = await runIn({}, ['--socket', join(server.state, 'none.sock'), 'jobs', '--json'])
  assert.equal((JSON.parse(elsewhere.err) as { error: { code: string } }).error.code, 'server-unreachable')
})

t.test('a wrong command line is exit code 2 and changes nothing', async (t) => {
  for (const args of [
    ['dance'],
    ['job'],
    ['jobs', '--colour'],
    ['restore'],
    ['restore', '/x', '--strip', '/y'],
  ]) {
    const { code, out, err } = await server.nb(...args)
    t.equal(code, 2, args.join(' '))
    t.equal(out, '')
    t.ok(err.length > 0)
  }
  t.same(server.restoreRequests, [])
})

t.test('nb --version tells the version of the package, and asks no server', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  t.match(await runIn({}, ['--version']), { code: 0, out: `${version}\n`, err: '' })
})

t.test('every command has help with examples', async (t) => {
  const { code, out } = await server.nb('--help')
  t.equal(code, 0)
  t.match(out, /Exit codes: 0 done/)
  const program = createProgram({
    cwd: '/',
    env: {},
    version: '',
    run: async () => {},
    runAlone: async () => {},
    askQuietly: async () => undefined,
  })
  const commands = program.createHelp().visibleCommands(program)
  const leaves = commands.flatMap((command) => [
    ...(command.registeredArguments.length > 0 || command.commands.length === 0 || command.options.length > 0
      ? [[command.name()]]
      : []),
    ...command.commands.map((sub) => [command.name(), sub.name()]),
  ])
  t.ok(leaves.length > 40)
  for (const command of commands) t.match(out, new RegExp(`^ +${command.name()} `, 'm'))
  for (const words of leaves) {
    const help = await runIn({}, [...words, '--help'])
    t.equal(help.code, 0)
    t.match(help.out, new RegExp(`Examples:\n  nb ${words.join(' ')}`), words.join(' '))
  }
})

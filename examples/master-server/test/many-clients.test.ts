import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { collect, freePort } from '@nb/test-kit'
import t from 'tap'
import { policyFile } from './support/policy-file.ts'
import { openSite } from './support/site.ts'
import { assertNoLeak, assertSound } from './support/sound.ts'
import { until } from './support/until.ts'

const isLong = process.env['NB_LONG'] === '1'
const count = isLong ? 100 : 12
const perProcess = 25
/** Jobs of the storage unit at once. */
const mostJobs = isLong ? 100 : 8
/** The media server's memory: with a hundred sessions half as much again as was measured. */
const mostMemory = (isLong ? 1200 : 500) * 2 ** 20
t.setTimeout(isLong ? 600_000 : 110_000)

t.test(`${count} clients at once against one media server`, async (t) => {
  const site = await openSite(t)
  const { directory, master, media, nb, ports } = site
  const names = Array.from({ length: count }, (_, index) => `web${index}`)
  const places = new Map<string, number>()
  for (const name of names) {
    const port = await freePort()
    places.set(name, port)
    await site.enrol(name, 'client', port)
  }
  const children: ChildProcess[] = []
  t.teardown(() => children.forEach((child) => child.kill('SIGKILL')))
  const program = new URL('support/clients-child.ts', import.meta.url).pathname
  for (let at = 0; at < count; at += perProcess) {
    const clients = names.slice(at, at + perProcess).map((name) => `${name}:${places.get(name)}`)
    const child = spawn(
      process.execPath,
      ['--conditions=@nb/source', '--no-warnings', program, master.address, directory, ...clients],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
    )
    children.push(child)
    const isReady = once(child.stdout, 'data')
    const hasEnded = once(child, 'exit').then(([code]) => {
      throw new Error(`the process of ${clients.join(' ')} ended with ${code}`)
    })
    // Once it is ready its end is no longer waited for.
    hasEnded.catch(() => undefined)
    await Promise.race([isReady, hasEnded])
  }
  const source = join(directory, 'source')
  mkdirSync(source)
  for (let at = 0; at < 20; at++)
    writeFileSync(join(source, `file-${at}`), Buffer.alloc(at * 10_000, `${at} `))
  writeFileSync(join(source, 'big'), Buffer.alloc(3 << 20, 'big '))
  const policy = { name: 'nightly', clients: names, selection: source, storageUnit: 'disk1' }
  await nb('policy', 'import', policyFile(directory, policy))
  const [unit] = await collect(ports.media.storageUnits({ name: 'disk1' }))
  if (unit?.type !== 'disk') return t.fail('disk1 is no disk')
  await ports.media.putStorageUnit({ ...unit, maxConcurrentJobs: mostJobs })
  const idle = [master, media].map((host) => ({ host, files: host.footprint().files }))

  const before = Date.now()
  const { jobIds } = await ports.scheduler.runNow({ policy: 'nightly', schedule: 'full' })
  t.equal(jobIds.length, count)
  let most = 0
  let isOver = false
  const looking = (async () => {
    while (!isOver) {
      most = Math.max(most, (await collect(ports.broker.grants({}))).length)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })()
  const jobs = await Promise.all(jobIds.map((jobId) => ports.jobs.wait({ jobId })))
  isOver = true
  await looking
  const tookMs = Date.now() - before
  t.same(
    jobs
      .filter(({ status }) => status !== 0)
      .map(({ client, status, statusText }) => [client, status, statusText]),
    [],
    'all succeed',
  )
  t.ok(most <= mostJobs, `${most} jobs at once, of ${mostJobs}`)
  const memory = peakOf(media.pid)
  t.ok(memory < mostMemory, `the media server had ${Math.round(memory / 2 ** 20)} MiB at most`)
  t.comment(
    `${count} backups in ${tookMs} ms, ${most} at once; media server ${Math.round(memory / 2 ** 20)} MiB, master ${Math.round(peakOf(master.pid) / 2 ** 20)} MiB at most`,
  )
  const image = jobs[count - 1]
  const snapshots = new Map([[image?.backupId ?? '', source]])
  await assertSound(site, { snapshots, source, client: image?.client ?? '' })
  // Each keeps a few connections for its next calls.
  for (const { host, files } of idle) await assertNoLeak(host, files + 6 * count)

  await t.test('a client gets at nothing of another, whatever way it takes', async (t) => {
    const [own = '', other = ''] = names
    const theirs = jobs.find(({ client }) => client === other)
    const { id: jobId = '', backupId = '' } = theirs ?? {}
    const as = (...args: readonly string[]): Promise<string> =>
      nb('--identity', join(directory, own, 'identity'), ...args)
    for (const args of [
      ['list', source, '--client', other],
      ['find', 'big', '--client', other],
      ['images', '--client', other],
      ['job', jobId],
      ['jobs', '--client', other],
      ['cancel', jobId],
      ['why', jobId],
      ['restore', source, '--client', other, '--to-client', own, '--to', join(directory, 'stolen'), '--wait'],
      [
        'restore',
        source,
        '--client',
        own,
        '--to-client',
        other,
        '--to',
        join(directory, 'planted'),
        '--wait',
      ],
      ['backup', 'nightly'],
      ['policy', 'remove', 'nightly'],
      ['expire', backupId],
      ['host', 'set', own, '--source', other],
      ['host', 'token', 'root', '--role', 'administrator'],
      ['audit'],
    ])
      await t.rejects(as(...args), { message: /access-denied|may (not )?call/ }, args.join(' '))
    t.match(await as('list', source, '--client', own), /big/, 'its own it sees')
    const listed = (await as('jobs')).match(/\bweb\d+\b/g) ?? []
    t.same([...new Set(listed)], [own], 'its jobs are its own')

    const stranger = site.portsAs(master, await site.identityOf(own))
    for (const [what, call] of Object.entries({
      image: () => stranger.catalog.getImage({ backupId }),
      list: () => stranger.catalog.readFileList({ client: other, backupId }),
      'list under its own name': () => stranger.catalog.readFileList({ client: own, backupId }),
      append: () => stranger.catalog.appendFileList({ backupId }),
      discard: () => stranger.catalog.discardImage({ backupId, reason: 'x' }),
      line: () => stranger.jobLog.append({ jobId, lines: [] }),
      media: () => stranger.media.reportLoad({ name: 'media1', activeJobs: 0 } as never),
    }))
      await t.rejects(async () => void (await call()), { code: /access-denied|message-invalid/ }, what)
    // What the master asks of media servers and they of clients, no client may.
    const atMedia = site.portsAs(media, await site.identityOf(own))
    for (const [what, call] of Object.entries({
      sessions: () => atMedia.mediaServer.sessions({}),
      removal: () => atMedia.mediaServer.removeImage({ storageUnit: 'disk1', backupId, copy: 1 }),
      end: () => atMedia.mediaServer.endSession({ sessionId: 'x', status: 150, reason: 'x' }),
    }))
      await t.rejects(async () => void (await call()), { code: /access-denied|message-invalid/ }, what)
    t.match(await nb('audit'), new RegExp(`${own} +client .*refused`), 'and what it tried is noted')
  })

  await t.test('a token lets in once', async (t) => {
    const token = join(directory, 'late.token')
    const state = (name: string): string => join(directory, name, 'identity')
    writeFileSync(token, await nb('host', 'token', 'late1', '--role', 'client'), { mode: 0o600 })
    const enrol = (to: string): Promise<string> =>
      nb('host', 'enrol', '--token-file', token, '--directory', state(to), '--address', '127.0.0.1:1')
    await enrol('late1')
    await t.rejects(enrol('thief'), { message: /token-invalid/ }, 'not a second key')
    writeFileSync(
      token,
      readFileSync(token, 'utf8').replace(/^nb1\.(.)/, (_, letter) => `nb1.${letter === 'A' ? 'B' : 'A'}`),
    )
    await t.rejects(enrol('guess'), { message: /token-invalid/ }, 'a guess does not')
    t.match(await nb('audit'), /enrolment\.enrol .*failed/, 'who tried is noted')
    await nb('host', 'revoke', 'late1', '--reason', 'sold')
    const words = await until(10_000, 'the revoked host is told why', async () => {
      // One whose connection is cut at that very moment hears no more than that.
      const refusal = await nb('--identity', state('late1'), 'jobs', '--client', 'late1').catch(String)
      return /ECONNRESET/.test(refusal) ? undefined : refusal
    })
    t.match(words, /identity-invalid|revoked/)
  })
})

/** The most memory that a process ever had, bytes. */
function peakOf(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

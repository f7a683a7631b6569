import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import {
  readChannel,
  systemClock,
  toPath,
  type ChannelListener,
  type JobLogLine,
  type RunResult,
} from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createClientAgent, type ClientAgentOptions } from '../../src/client/client-agent.ts'
import { encodePlan, framedRanges, planFor } from './extract-in-thread.ts'
import { freshDirectory } from './fresh-directory.ts'
import { decodeList } from './read-in-thread.ts'

const names = { policy: 'nightly', schedule: 'daily', scheduleType: 'full' } as const

function host(t: { teardown(action: () => unknown): void }, options: ClientAgentOptions = {}) {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  mkdirSync(source)
  const clock = systemClock()
  const channels = createLocalChannels({ clock })
  const lines: JobLogLine[] = []
  const log = { append: async (input: { lines: readonly JobLogLine[] }) => void lines.push(...input.lines) }
  const agent = createClientAgent({ channels, clock, log }, options)
  t.teardown(() => agent.stop())

  const take = async (listener: ChannelListener): Promise<Buffer> => {
    const parts: Buffer[] = []
    for await (const chunk of readChannel(await listener.accept())) parts.push(Buffer.from(chunk))
    return Buffer.concat(parts)
  }
  const give = async (listener: ChannelListener, bytes: Buffer): Promise<void> => {
    const channel = await listener.accept()
    await channel.write(bytes)
    await channel.end()
  }
  const backup = async (): Promise<{ result: RunResult; data: Buffer; list: Buffer }> => {
    const [data, metadata] = [await channels.listen(), await channels.listen()]
    const walk = { roots: [toPath(source)], exclude: [], include: [], crossMountPoints: false }
    const tickets = { data: data.ticket, metadata: metadata.ticket }
    const { runId } = await agent.startBackup({ jobId: '7', backupId: 'web1_1', names, walk, ...tickets })
    const [stream, list] = await Promise.all([take(data), take(metadata)])
    return { result: await agent.waitRun({ runId }), data: stream, list }
  }
  const startRestore = async (last: boolean) => {
    const [plan, data] = [await channels.listen(), await channels.listen()]
    const target = { root: toPath(join(directory, 'target')), ifExists: 'fail' } as const
    const tickets = { plan: plan.ticket, data: data.ticket }
    const started = await agent.startRestore({ jobId: '8', restoreId: 'r1', target, last, ...tickets })
    return { ...started, plan, data }
  }
  return { directory, source, agent, channels, lines, backup, startRestore, give, clock }
}

t.test('warnings and notes are lines of the job, with path and code', async (t) => {
  const { source, backup, lines } = host(t)
  writeFileSync(join(source, 'ok'), 'x')
  const server = createServer().listen(join(source, 'a\nsocket'))
  await new Promise((resolve) => server.once('listening', resolve))
  const { result } = await backup()
  server.close()
  t.equal(result.status, 0)
  const [note, summary] = lines
  t.match(note, {
    component: 'client-agent',
    severity: 'info',
    data: { path: join(source, 'a\nsocket'), code: 'SOCKET' },
  })
  t.match(note?.text, `${source}/a\\x0asocket: sockets are not backed up`)
  t.match(summary, { severity: 'info', text: /^read 2 entries, stored 2 of them/ })
})

t.test('no more than the listed number of lines, the rest is counted', async (t) => {
  const { source, backup, lines } = host(t, { listedWarnings: 3 })
  const servers = Array.from({ length: 8 }, (_, i) => createServer().listen(join(source, `s${i}`)))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  await backup()
  for (const server of servers) server.close()
  t.equal(lines.filter((line) => line.data !== undefined).length, 3)
  t.match(lines.at(-1)?.text, '5 more warnings and notes are not listed')
})

t.test('paths that are never backed up, by what they are', async (t) => {
  const state = freshDirectory(t)
  const never = join(state, 'state')
  mkdirSync(never)
  const { source, backup } = host(t, { neverPaths: [never] })
  writeFileSync(join(never, 'secret'), 's')
  symlinkSync(never, join(source, 'link'))
  linkSync(join(never, 'secret'), join(source, 'name-inside'))
  const { list } = await backup()
  const paths = decodeList(list).records.map((record) => record.path.toString().slice(source.length))
  t.strictSame(
    paths,
    ['', '/link', '/name-inside'],
    'a link is backed up as a link; a file of several names is its own',
  )
})

t.test(
  'one group of a restore at a time, what it leaves is kept for the next and dropped after a failure',
  async (t) => {
    const { directory, source, agent, backup, startRestore, give } = host(t)
    mkdirSync(join(source, 'd'))
    for (const name of ['d/a', 'd/c']) writeFileSync(join(source, name), name)
    linkSync(join(source, 'd/a'), join(source, 'd/b'))
    const saved = await backup()
    const plan = planFor(decodeList(saved.list).records, source)
    const group = async (last: boolean, names: readonly string[]) => {
      const wanted = plan.filter((record) => names.includes(record.path.toString()))
      const started = await startRestore(last)
      await t.rejects(startRestore(last), { code: 'state-conflict' })
      await Promise.all([
        give(started.plan, encodePlan(wanted, 1)),
        give(started.data, framedRanges(wanted, [saved.data])),
      ])
      return agent.waitRun(started)
    }
    t.match(await group(false, ['/d/a', '/d/c']), { status: 0, restored: { entries: 2 } })
    t.match(
      await group(true, ['/', '/d', '/d/b']),
      { status: 0, restored: { entries: 3 } },
      'linked to what came before',
    )
    t.strictSame(readdirSync(join(directory, 'target/d')), ['a', 'b', 'c'])

    const broken = await startRestore(false)
    ;(await broken.plan.accept()).abort('the service is gone')
    t.match(await agent.waitRun(broken), { status: 23, error: { code: 'channel-broken' } })
  },
)

t.test('stopping ends what runs, and nothing starts afterwards until it is started again', async (t) => {
  const { agent, startRestore, backup } = host(t)
  const started = await startRestore(true)
  const ended = agent.waitRun(started)
  await agent.stop()
  t.match(await ended, { status: 63, error: { code: 'session-killed' } })
  await t.rejects(backup(), { code: 'state-conflict' })
  await agent.start()
  t.equal((await backup()).result.status, 0)
})

t.test('a result is kept for a while', async (t) => {
  const directory = freshDirectory(t)
  const clock = createVirtualClock()
  const channels = createLocalChannels({ clock: systemClock() })
  const agent = createClientAgent(
    { channels, clock, log: { append: async () => undefined } },
    { keepResultsMs: 5000 },
  )
  const walk = { roots: [toPath(join(directory, 'none'))], exclude: [], include: [], crossMountPoints: false }
  const [data, metadata] = [await channels.listen(), await channels.listen()]
  const run = await agent.startBackup({
    jobId: '1',
    backupId: 'b',
    names,
    walk,
    data: data.ticket,
    metadata: metadata.ticket,
  })
  t.equal((await agent.waitRun(run)).status, 71)
  await clock.advance(4999)
  t.equal((await agent.waitRun(run)).status, 71)
  await clock.advance(1)
  await t.rejects(agent.waitRun(run), { code: 'session-unknown' })
  await agent.stop()
})

t.test('a backup of nothing is a mistake of the caller', async (t) => {
  const { agent, channels } = host(t)
  const { ticket } = await channels.listen()
  const walk = { roots: [], exclude: [], include: [], crossMountPoints: false }
  await t.rejects(
    agent.startBackup({ jobId: '1', backupId: 'b', names, walk, data: ticket, metadata: ticket }),
    {
      code: 'argument-invalid',
    },
  )
})

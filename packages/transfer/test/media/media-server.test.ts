import { readdirSync } from 'node:fs'
import { type CallOptions, type MountedMedium, NbError } from '@nb/contracts'
import t from 'tap'
import { createMediaServer } from '../../src/index.ts'
import { watchSilence } from '../../src/media/silence-watch.ts'
import { filesOf, makeImage } from './made-image.ts'
import { type World, backupId, client, createWorld, storageUnit } from './world.ts'

const image = makeImage(backupId, filesOf([300_000, 2_000_000]))

/** Lets everything run that waits for nothing but other promises. */
async function settle(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; !done(); turn++) {
    if (turn > 1_000_000) throw new Error('it did not happen')
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

/** Mounts media whose writes wait at a gate. */
function gateWrites(world: World): { open: () => void; readonly waiting: () => number } {
  let open = (): void => undefined
  let waiting = 0
  const gate = new Promise<void>((resolve) => (open = resolve))
  const mount = world.store.mount.bind(world.store)
  world.store.mount = async (...input): Promise<MountedMedium> => {
    const medium = await mount(...input)
    const createFragment: MountedMedium['createFragment'] = async (...fragment) => {
      const writer = await medium.createFragment(...fragment)
      const write = async (chunk: Uint8Array): Promise<void> => {
        waiting += 1
        await gate
        waiting -= 1
        await writer.write(chunk)
      }
      return {
        write,
        writeFrame: (frame) => writer.writeFrame(frame),
        get storedBytes() {
          return writer.storedBytes
        },
        commit: (trailer) => writer.commit(trailer),
        discard: () => writer.discard(),
        get streamBytes() {
          return writer.streamBytes
        },
      }
    }
    return { ...medium, createFragment }
  }
  return { open: () => open(), waiting: () => waiting }
}

t.test('a slow medium slows the client, and the buffer stays as big as it is', async (t) => {
  const world = await createWorld(t.testdir(), { blockBytes: 65_536, bufferBlocks: 4 })
  world.agent.script = { image, chunkBytes: 50_000 }
  const gate = gateWrites(world)
  const session = await world.server.startBackup(world.backupSpec())
  await until(() => gate.waiting() === 1)
  await settle()
  // Four blocks, the chunk in hand and the one that the channel may hold.
  const most = 4 * 65_536 + 2 * 50_000
  t.ok(world.agent.sentBytes <= most, `${world.agent.sentBytes} of ${image.stream.length} bytes were taken`)
  // Hours pass: it is the medium that is waited for, so the client is not silent.
  await world.clock.advance(4 * 3_600_000)
  gate.open()
  const report = await world.report(session)
  t.equal(report.status, 0, report.statusText)
  t.ok(report.waitedForEmptyBuffer > 0, `${report.waitedForEmptyBuffer} waits for an empty buffer`)
  const counters = world.lines.find(({ text }) => text.includes('waited for full buffer'))
  t.match(counters?.data, {
    waitedForFullBuffer: report.waitedForFullBuffer,
    waitedForEmptyBuffer: report.waitedForEmptyBuffer,
  })
  await world.server.stop()
})

t.test('a slow client of a restore slows the medium', async (t) => {
  const world = await createWorld(t.testdir(), { blockBytes: 65_536, bufferBlocks: 4 })
  world.agent.script = { image }
  const backup = await world.report(await world.server.startBackup(world.backupSpec()))
  const copy = backup.written?.copies[0]
  if (copy === undefined) return t.fail(backup.statusText)
  let turns = 0
  world.agent.script = {
    beforeRead: async () => {
      turns += 1
      await settle(3)
    },
  }
  const spec = await world.restoreSpec([copy], image.records)
  const report = await world.report(await world.server.startRestore(spec))
  t.equal(report.status, 0, report.statusText)
  t.ok(turns > 5)
  t.ok(report.waitedForEmptyBuffer > 0, `${report.waitedForEmptyBuffer} waits for an empty buffer`)
  await world.server.stop()
})

t.test('a client that falls silent is given up with 76', async (t) => {
  const world = await createWorld(t.testdir(), { clientTimeoutMs: 60_000 })
  world.agent.script = { image, silentAfter: 200_000 }
  const session = await world.server.startBackup(world.backupSpec())
  await until(() => world.agent.sentBytes >= 200_000)
  await settle()
  await world.clock.advance(59_000)
  t.equal((await world.server.sessions({})).length, 1, 'not too early')
  await world.clock.advance(2000)
  const report = await world.report(session)
  t.equal(report.status, 76, report.statusText)
  t.match(report.statusText, /web1 sent no data for 60 seconds/)
  t.match(report.error, { code: 'client-ended', retryable: true })
  await world.server.stop()
  t.equal(world.agent.living, 0)
  t.same(readdirSync(world.directory), ['.nb-disk.json'])
})

t.test('a client that never answers a call is given up with 41', async (t) => {
  const world = await createWorld(t.testdir(), { clientTimeoutMs: 60_000 })
  world.agent.startBackup = (_spec: unknown, options?: CallOptions) =>
    new Promise<never>((_, reject) => {
      options?.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error))
    })
  const session = await world.server.startBackup(world.backupSpec())
  await settle()
  await world.clock.advance(61_000)
  t.equal((await world.report(session)).status, 41)
  await world.server.stop()
})

t.test('a client that lives and does not end what it is told to end holds no session', async (t) => {
  const world = await createWorld(t.testdir(), { clientTimeoutMs: 60_000 })
  world.agent.script = { image, silentAfter: 200_000 }
  world.agent.abortRun = () => new Promise<never>(() => undefined)
  const session = await world.server.startBackup(world.backupSpec())
  await until(() => world.agent.sentBytes >= 200_000)
  await settle()
  const ended = world.server.endSession({ ...session, status: 150, reason: 'cancelled' })
  await settle()
  await world.clock.advance(59_000)
  t.equal((await world.server.sessions({})).length, 1, 'it is asked to end as long as a client may be silent')
  await world.clock.advance(2000)
  await ended
  t.equal((await world.report(session)).status, 150)
  t.same(await world.server.sessions({}), [])
  t.ok(world.lines.some(({ text }) => /web1 did not end its part within 60 s and is given up/.test(text)))
  t.same(readdirSync(world.directory), ['.nb-disk.json'])
  await world.server.stop()
})

t.test('waiting for a medium is not waiting for the client', async (t) => {
  const world = await createWorld(t.testdir(), { clientTimeoutMs: 60_000 })
  world.agent.script = { image }
  world.grants = 'holds'
  const session = await world.server.startBackup(world.backupSpec())
  await until(() => world.requests.length === 1)
  await settle()
  await world.clock.advance(24 * 3_600_000)
  const [request] = world.requests
  if (request === undefined) return t.fail('no request')
  world.grants = 'grants'
  await world.grant(request)
  await world.grant(request)
  t.equal((await world.report(session)).status, 0)
  await t.rejects(world.grant(request), { code: 'session-unknown' })
  await world.server.stop()
})

for (const moment of [
  'while it waits for its medium',
  'while it writes',
  'when it has just begun',
] as const) {
  t.test(`a session is ended early ${moment}`, async (t) => {
    const world = await createWorld(t.testdir())
    world.agent.script = { image, chunkBytes: 10_000 }
    const gate = gateWrites(world)
    if (moment === 'while it waits for its medium') world.grants = 'holds'
    const session = await world.server.startBackup(world.backupSpec())
    if (moment === 'while it waits for its medium') await until(() => world.requests.length === 1)
    if (moment === 'while it writes') await until(() => gate.waiting() === 1)
    const end = { ...session, status: 150, reason: 'cancelled by an administrator' }
    const ends = Promise.all([world.server.endSession(end), world.server.endSession(end)])
    gate.open()
    await ends
    t.same(await world.server.sessions({}), [], 'nothing runs any more')
    const report = await world.report(session)
    t.match(report, {
      status: 150,
      error: { code: 'job-cancelled' },
      statusText: /cancelled by an administrator/,
    })
    await world.server.endSession({ ...end, status: 63 })
    t.same(await world.report(session), report, 'the first end stays')
    await world.server.stop()
    t.equal(world.reports.length, 1)
    t.equal(world.agent.living, 0)
    t.same(readdirSync(world.directory), ['.nb-disk.json'])
    // A ticket that the scripted catalog gave and nobody used has its own time.
    await world.clock.advance(60_000)
    t.equal(world.clock.pendingTimers, 0)
  })
}

t.test('stopping ends every session with 63 and reports it', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image }
  world.grants = 'holds'
  await world.server.startBackup(world.backupSpec())
  await until(() => world.requests.length === 1)
  await world.server.stop()
  t.match(world.reports, [{ status: 63, error: { code: 'session-killed' } }])
  await t.rejects(world.server.startBackup(world.backupSpec({ backupId: 'web1_2' })), {
    code: 'manager-stopping',
  })
})

t.test('a report is brought again until the manager takes it', async (t) => {
  const world = await createWorld(t.testdir(), {
    sessionEnded: async (_report, count) => {
      if (count < 3) throw new NbError('server-unreachable', 'the master restarts')
    },
  })
  world.agent.script = { image }
  // Who waits hears of the end all the same: the manager may be the one that waits.
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.same(world.reports, [])
  await world.clock.advance(3000)
  t.same(world.reports, [report])
  await world.server.stop()
})

t.test('a manager that takes for ever to take a report is asked again', async (t) => {
  const world = await createWorld(t.testdir(), {
    sessionEnded: (_report, count) => (count === 1 ? new Promise(() => undefined) : Promise.resolve()),
  })
  world.agent.script = { image }
  const ended = new Promise((resolve) => world.server.once('session:ended', resolve))
  const waiting = world.report(await world.server.startBackup(world.backupSpec()))
  await ended
  await world.clock.advance(59_000)
  t.same(world.reports, [])
  await world.clock.advance(2000)
  t.same(world.reports, [await waiting])
  await world.server.stop()
})

t.test('a manager that does not know the session is not asked for ever', async (t) => {
  const world = await createWorld(t.testdir(), {
    sessionEnded: async () => {
      throw new NbError('session-unknown', 'never heard of it')
    },
  })
  world.agent.script = { image }
  await world.report(await world.server.startBackup(world.backupSpec()))
  await settle()
  await world.clock.advance(3_600_000)
  await settle()
  t.equal(world.clock.pendingTimers, 0)
  await world.server.stop()
})

t.test('a manager that does not know the session any more ends it', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image }
  world.grants = new NbError('session-unknown', 'the job is gone')
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  t.match(report.error, { code: 'session-unknown' })
  await world.server.stop()
})

t.test('reports are kept for a while', async (t) => {
  const world = await createWorld(t.testdir(), { reportKeptMs: 10_000 })
  world.agent.script = { image }
  const session = await world.server.startBackup(world.backupSpec())
  const report = await world.report(session)
  await world.clock.advance(9000)
  t.same(await world.report(session), report)
  await world.clock.advance(2000)
  await t.rejects(async () => world.report(session), { code: 'session-unknown' })
  await world.server.stop()
})

t.test('events tell of sessions', async (t) => {
  const world = await createWorld(t.testdir())
  world.agent.script = { image }
  const told: string[] = []
  world.server.on('session:started', ({ kind }) => told.push(`started ${kind}`))
  world.server.on('session:ended', ({ status }) => told.push(`ended ${status}`))
  await world.report(await world.server.startBackup(world.backupSpec()))
  t.same(told, ['started backup', 'ended 0'])
  await world.server.stop()
})

t.test('names that are not known', async (t) => {
  const world = await createWorld(t.testdir())
  await t.rejects(world.server.removeImage({ storageUnit: 'disk9', backupId }), {
    code: 'storage-unit-unknown',
  })
  const stored = world.server.storedImages({ storageUnit: 'constructor' })[Symbol.asyncIterator]()
  await t.rejects(stored.next(), { code: 'storage-unit-unknown' })
  const report = await world.report(await world.server.startBackup(world.backupSpec({ client: 'web9' })))
  t.match(report, { status: 48, error: { code: 'client-unknown' } })
  await world.server.stop()
})

t.test('the silence of a client is not that of a process that did not run itself', (t) => {
  let now = 0
  let due: { readonly at: number; readonly look: () => void } | undefined
  const told: string[] = []
  const watch = watchSilence({
    clock: {
      now: () => now,
      setTimer: (ms, look) => {
        due = { at: now + ms, look }
        return () => (due = undefined)
      },
      sleep: () => Promise.reject(new Error('nothing sleeps here')),
    },
    client: 'web1',
    timeoutMs: 3000,
    onSilence: ({ message }) => void told.push(message),
  })
  const runTo = (time: number): void => {
    while (due !== undefined && due.at <= time) {
      now = due.at
      due.look()
      if (told.length > 0) break
    }
    now = time
  }
  void watch.forClient(new Promise(() => undefined), 41)
  runTo(1000)
  watch.touch()
  // Stopped, as by SIGSTOP: the timer fires a minute late, before what came meanwhile is read.
  now = 61_000
  due?.look()
  t.same(told, [])
  runTo(61_500)
  watch.touch()
  runTo(64_000)
  t.same(told, [])
  runTo(65_000)
  t.match(told, [/web1 gave no answer for 3 seconds/])
  watch.stop()
  t.end()
})

t.test('options are checked', (t) => {
  const components = {} as Parameters<typeof createMediaServer>[0]
  for (const bad of [
    { blockBytes: 100 },
    { bufferBlocks: 1 },
    { clientTimeoutMs: 0 },
    { reportKeptMs: 0 },
    { mostFileListBytes: 1 },
  ])
    t.throws(
      () =>
        createMediaServer(
          { ...components, stores: { [storageUnit]: undefined as never }, clients: () => undefined },
          bad,
        ),
      TypeError,
      JSON.stringify(bad),
    )
  t.equal(client, 'web1')
  t.end()
})

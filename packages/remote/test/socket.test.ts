import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { isAbortError, type JobManager, NbError, type Scheduler } from '@nb/contracts'
import { connect, type Connection, type Ports, serve, type ServeOptions } from '../src/index.ts'
import { exampleJob, examplePolicy } from './ports/examples.ts'
import { createMemoryJobs } from './ports/memory-jobs.ts'
import { createMemoryScheduler } from './ports/memory-scheduler.ts'
import { collect, turns, turnsUntil } from './waiting.ts'

const directory = mkdtempSync(join(tmpdir(), 'nb-remote-'))
t.teardown(() => rmSync(directory, { recursive: true }))
let sockets = 0

interface Served extends Connection {
  readonly socketPath: string
  readonly stop: () => Promise<void>
}

async function served(ports: Partial<Ports>, options: Partial<ServeOptions> = {}): Promise<Served> {
  const socketPath = join(directory, `${sockets++}.sock`)
  const server = await serve(ports, { socketPath, ...options })
  const connection = await connect({ socketPath })
  const stop = async (): Promise<void> => {
    connection.close()
    await server.stop()
  }
  return { ...connection, socketPath, stop }
}

t.test('ports over a Unix socket are the ports that are served', async (t) => {
  const { scheduler, jobs, server, stop } = await served({
    scheduler: createMemoryScheduler(),
    jobs: createMemoryJobs(),
  })
  t.same(server.ports, ['scheduler', 'jobs'])
  t.equal(server.pid, process.pid)
  t.equal(await scheduler.getPolicy({ name: 'nightly' }), undefined)
  const stored = await scheduler.putPolicy({ policy: examplePolicy })
  t.equal(stored.selections[1], examplePolicy.selections[1], 'a name that is not UTF-8 survives')
  t.same(await scheduler.getPolicy({ name: 'nightly' }), stored)
  t.same(await collect(scheduler.policies({})), [stored])
  t.equal(await scheduler.removePolicy({ name: 'nightly' }), undefined)
  t.same(await jobs.submit(exampleJob('1')), { jobId: '1' })
  t.equal((await collect(jobs.log({ jobId: '1' }))).length, 3)
  await stop()
})

t.test('a server that hangs is given up in time, and at once by a signal', async (t) => {
  const socketPath = join(directory, 'hangs.sock')
  const hangs = createServer()
  await new Promise<void>((resolve) => hangs.listen(socketPath, resolve))
  t.teardown(() => hangs.close())
  await assert.rejects(connect({ socketPath, timeoutMs: 20 }), {
    code: 'server-unreachable',
    retryable: true,
    message: /has not answered for 0\.02 s/,
  })
  const controller = new AbortController()
  hangs.once('connection', () => controller.abort())
  await assert.rejects(connect({ socketPath, signal: controller.signal }), isAbortError)
  await assert.rejects(connect({ socketPath, signal: controller.signal }), isAbortError)
})

t.test('errors arrive as they left', async () => {
  const { scheduler, jobs, catalog, stop } = await served({
    scheduler: createMemoryScheduler(),
    jobs: createMemoryJobs(),
  })
  const unknown = { code: 'policy-unknown', status: 230, retryable: false, details: { policy: 'x' } }
  await assert.rejects(scheduler.removePolicy({ name: 'x' }), unknown)
  await assert.rejects(collect(scheduler.preview({ policy: 'x', from: 0, to: 1 })), unknown)
  await assert.rejects(jobs.get({ jobId: 7 as never }), {
    code: 'message-invalid',
    status: 43,
    message: /jobs\.get, field jobId/,
  })
  await assert.rejects(catalog.getImage({ backupId: 'x' }), { code: 'not-supported' })
  await assert.rejects(collect(catalog.listImages({})), { code: 'not-supported' })
  await stop()
})

t.test('only this user can open the socket, and only a socket is ever replaced', async (t) => {
  const { socketPath, stop } = await served({})
  t.equal(statSync(socketPath).mode & 0o7777, 0o600)
  t.same(
    readdirSync(directory).filter((name) => name.startsWith('.')),
    [],
    'the private directory is gone',
  )
  await stop()
  t.notOk(existsSync(socketPath), 'the socket is gone with its server')
  writeFileSync(socketPath, 'precious')
  await assert.rejects(serve({}, { socketPath }), { code: 'already-exists' })
  t.equal(statSync(socketPath).size, 8)
})

t.test('the socket of a living server is not taken, and it is named', async () => {
  const { socketPath, jobs, stop } = await served({ jobs: createMemoryJobs() })
  await assert.rejects(serve({}, { socketPath }), {
    code: 'store-locked',
    details: { socketPath, pid: process.pid },
  })
  await jobs.submit(exampleJob('still served'))
  await stop()
})

t.test('the socket of a process that was killed is replaced', async (t) => {
  const socketPath = join(directory, 'stale.sock')
  const script = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`
  t.equal(spawnSync(process.execPath, ['-e', script]).signal, 'SIGKILL')
  t.ok(statSync(socketPath).isSocket())
  const server = await serve({ jobs: createMemoryJobs() }, { socketPath })
  const { jobs, close } = await connect({ socketPath })
  await jobs.submit(exampleJob('1'))
  close()
  await server.stop()
})

t.test('two servers that start at once: one gets the socket, the other learns of it', async (t) => {
  const socketPath = join(directory, 'race.sock')
  const both = await Promise.allSettled([serve({}, { socketPath }), serve({}, { socketPath })])
  const winners = both.filter((one) => one.status === 'fulfilled')
  const losers = both.filter((one) => one.status === 'rejected')
  t.equal(winners.length, 1)
  t.equal((losers[0]?.reason as NbError).code, 'store-locked')
  await winners[0]?.value.stop()
})

t.test('where nothing listens, the error says what to do', async (t) => {
  await assert.rejects(connect({ socketPath: join(directory, 'nobody.sock') }), (error) => {
    assert.ok(error instanceof NbError)
    assert.equal(error.code, 'server-unreachable')
    assert.equal(error.status, 25)
    assert.match(error.message, /nobody\.sock.*start it/)
    assert.match(error.remedy, /Start the server/)
    return true
  })
  const stranger = createServer((socket) => socket.end('220 mail ready\r\n'))
  const socketPath = join(directory, 'stranger.sock')
  await new Promise<void>((resolve) => stranger.listen(socketPath, resolve))
  await assert.rejects(connect({ socketPath }), { code: 'server-unreachable' })
  stranger.close()
  const long = join(directory, 'x'.repeat(100), 'nb.sock')
  await assert.rejects(serve({}, { socketPath: long }), { code: 'argument-invalid' })
  t.throws(() => chmodSync(long, 0o600))
})

t.test('a server of another version is refused clearly', async () => {
  const socketPath = join(directory, 'newer.sock')
  const body = JSON.stringify({ service: 'nb', wire: 99, host: 'x' })
  const newer = createServer((socket) =>
    socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  )
  await new Promise<void>((resolve) => newer.listen(socketPath, resolve))
  await assert.rejects(connect({ socketPath }), {
    code: 'version-unsupported',
    message: /version 99.*this program 1/,
  })
  newer.close()
})

t.test('aborting ends the call and the iteration at the server', async (t) => {
  const jobs = createMemoryJobs()
  const { jobs: remote, stop } = await served({ jobs })
  await remote.submit(exampleJob('1'))
  const controller = new AbortController()
  const waiting = assert.rejects(remote.wait({ jobId: '1' }, { signal: controller.signal }), isAbortError)
  let seen = 0
  const watching = (async () => {
    for await (const _event of remote.watch({}, { signal: controller.signal })) seen += 1
  })()
  await turnsUntil(() => seen === 1 && jobs.watching === 2)
  controller.abort()
  await assert.rejects(watching, isAbortError)
  await waiting
  await turnsUntil(() => jobs.watching === 0)

  for await (const event of remote.watch({})) {
    t.equal(event.kind, 'job')
    break
  }
  await turnsUntil(() => jobs.watching === 0)
  await stop()
})

t.test('a client that dies ends what it had asked for', async () => {
  const jobs = createMemoryJobs()
  const { jobs: remote, socketPath, stop } = await served({ jobs })
  await remote.submit(exampleJob('1'))
  const dying = request({ socketPath, method: 'POST', path: '/rpc/jobs/watch', headers: json })
  dying.on('error', () => {})
  dying.end('{"json":{}}')
  await turnsUntil(() => jobs.watching === 1)
  dying.destroy()
  await turnsUntil(() => jobs.watching === 0)
  await stop()
})

t.test('a hundred calls at once, each with its own answer', async (t) => {
  const { jobs, stop } = await served({ jobs: createMemoryJobs() })
  const ids = Array.from({ length: 100 }, (_, number) => `job-${number}`)
  await Promise.all(ids.map((id) => jobs.submit(exampleJob(id))))
  const found = await Promise.all(ids.map((jobId) => jobs.get({ jobId })))
  t.same(
    found.map((job) => job?.id),
    ids,
  )
  await stop()
})

t.test('a slow reader holds the implementation back', async (t) => {
  let made = 0
  const jobs: JobManager = {
    ...createMemoryJobs(),
    async *log() {
      for (; made < 20_000; made++)
        yield { time: made, component: 'test', severity: 'info', text: 'x'.repeat(1000) }
    },
  }
  const { jobs: remote, stop } = await served({ jobs })
  let read = 0
  for await (const _line of remote.log({ jobId: '1' })) {
    read += 1
    if (read > 1) continue
    for (let quiet = 0, last = -1; quiet < 200; quiet++, last = made) {
      if (last !== made) quiet = 0
      await turns(1)
    }
    t.ok(made < 4000, `${made} lines of 1 kB were made for a reader that had stopped`)
  }
  t.equal(read, 20_000)
  await stop()
})

t.test('an argument that is too large or no JSON is refused', async (t) => {
  const { scheduler, socketPath, stop } = await served(
    { scheduler: createMemoryScheduler() },
    { maxArgumentBytes: 10_000 },
  )
  await assert.rejects(scheduler.putPolicy({ policy: { ...examplePolicy, clients: ['x'.repeat(20_000)] } }), {
    code: 'message-invalid',
  })
  t.match(await post(socketPath, '/rpc/scheduler/getPolicy', 'rubbish'), {
    status: 400,
    body: /message-invalid/,
  })
  t.match(await post(socketPath, '/rpc/scheduler/getPolicy', '{"json":{"name":"x"}}'), { status: 200 })
  t.match(await post(socketPath, '/rpc/scheduler/removePolicy', '{"json":{"name":"x"}}'), {
    status: 404,
    body: /"code":"policy-unknown"/,
  })
  await stop()
})

t.test('a request that gets to no method is told why and what to do, as a call that failed', async (t) => {
  const { catalog, socketPath, stop } = await served({ scheduler: createMemoryScheduler() })
  const ask = async (line: string, more = ''): Promise<{ status: number; head: string; json: unknown }> => {
    const socket = createConnection(socketPath)
    socket.end(`${line} HTTP/1.1\r\nhost: nb\r\n${more}\r\n`)
    let answer = ''
    for await (const piece of socket) answer += String(piece)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    return { status: Number(head.split(' ')[1]), head, ...(JSON.parse(body) as { json: unknown }) }
  }
  const data = (remedy: RegExp) => ({ status: 228, retryable: false, remedy })
  const unsupported = (status: number, remedy: RegExp) => ({
    status,
    json: { code: 'not-supported', status, data: data(remedy) },
  })
  for (const path of ['/elsewhere', '/rpc/catalog/getImage', '/rpc/scheduler/nothing', '/__proto__'])
    t.match(await ask(`POST ${path}`, 'content-length: 0\r\n'), unsupported(404, /GET \/nb tells/), path)
  const got = await ask('GET /rpc/scheduler/getPolicy')
  t.match(got, { ...unsupported(405, /^POST it/), head: /\r\nallow: POST\r\n/ })
  t.match(await ask('PUT /nb'), { ...unsupported(405, /^GET it/), head: /\r\nallow: GET\r\n/ })
  const invalid = { code: 'message-invalid', data: { status: 43, retryable: false, remedy: /^Send HTTP/ } }
  t.match(await ask('rubbish'), { status: 400, json: invalid })
  t.match(await ask('GET /nb', `x: ${'x'.repeat(20_000)}\r\n`), { status: 431, json: invalid })
  await assert.rejects(catalog.getImage({ backupId: 'x' }), {
    ...{ code: 'not-supported', status: 228 },
    message: `${socketPath} does not serve catalog.getImage`,
  })
  await stop()
})

t.test('an argument in a few small pieces is taken, one in very many is refused', async (t) => {
  const { socketPath, stop } = await served({ scheduler: createMemoryScheduler() })
  const inBytes = (blanks: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = createConnection(socketPath)
      let answer = ''
      socket.on('data', (bytes) => (answer += bytes.toString()))
      // What it says after it was refused nobody takes.
      socket.on('error', () => undefined).once('close', () => resolve(answer))
      socket.setTimeout(10_000, () => reject(new Error(`no end after ${answer}`)))
      const argument = `${' '.repeat(blanks)}{"json":{"name":"x"}}`
      const chunks = Array.from(argument, (letter) => `1\r\n${letter}\r\n`).join('')
      socket.write(
        `POST /rpc/scheduler/getPolicy HTTP/1.1\r\nhost: nb\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
      )
    })
  t.match(await inBytes(1000), /^HTTP\/1.1 200 /)
  t.match(await inBytes(3000), /^HTTP\/1.1 400 .*pieces of less than 64 bytes/s)
  await stop()
})

t.test('stopping ends open streams cleanly, gives calls their grace and cuts what is left', async (t) => {
  const memory = createMemoryJobs()
  let finish = (): void => {}
  const scheduler: Scheduler = {
    ...createMemoryScheduler(),
    removePolicy: () => new Promise((resolve) => (finish = resolve)),
  }
  const socketPath = join(directory, 'stopping.sock')
  const server = await serve({ jobs: memory, scheduler }, { socketPath, graceMs: 200 })
  const connection = await connect({ socketPath })
  await connection.jobs.submit(exampleJob('1'))
  const ended = { code: 'server-unreachable', status: 25 }
  const watching = assert.rejects(collect(connection.jobs.watch({})), { ...ended, message: /stopping/ })
  const hanging = assert.rejects(connection.jobs.wait({ jobId: '1' }), ended)
  const removing = connection.scheduler.removePolicy({ name: 'x' })
  await turnsUntil(() => memory.watching === 2)
  const stopped = server.stop()
  await watching
  await assert.rejects(connect({ socketPath }), ended)
  finish()
  await removing
  await hanging
  await stopped
  await server.stop()
  await turnsUntil(() => memory.watching === 0)
  t.notOk(existsSync(socketPath))
  connection.close()
})

const json = { 'content-type': 'application/json' }

function post(
  socketPath: string,
  path: string,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method: 'POST', path, headers: json }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, request as httpRequest } from 'node:http'
import { createConnection, createServer } from 'node:net'
import { request } from 'node:https'
import { connect as tlsConnect, createServer as createTlsServer } from 'node:tls'
import { type Logger, NbError, systemClock } from '@nb/contracts'
import { createVirtualClock, dataChannelsSuite, freePort } from '@nb/test-kit'
import t from 'tap'
import {
  type AccessControl,
  connect,
  type Connection,
  createTlsChannels,
  type HostIdentity,
  type Ports,
  locateHosts,
  portsAt,
  reachHosts,
  serve,
  type TlsChannels,
  type TlsServeOptions,
} from '../src/index.ts'
import { watchPeer } from '../src/calls/watch-peer.ts'
import { exampleJob, examplePolicy } from './ports/examples.ts'
import { createMemoryJobs } from './ports/memory-jobs.ts'
import { createMemoryScheduler } from './ports/memory-scheduler.ts'
import { held, testAuthority } from './support/identities.ts'
import { collect, turnsUntil } from './waiting.ts'

const authority = await testAuthority()
const master = held(await authority.identity('master1', ['master']))
const media = held(await authority.identity('media1', ['media-server']))
const client = held(await authority.identity('web1', ['client']))
const everybody: AccessControl = { admit: async () => undefined }
const silent: Logger = Object.assign(() => undefined, { error: () => undefined }) as unknown as Logger
const host = '127.0.0.1'
const at = ({ port }: { readonly port: number }): string => `${host}:${port}`

async function served(ports: Partial<Ports>, options: Partial<TlsServeOptions> = {}) {
  const server = await serve(ports, {
    port: 0,
    host,
    identity: master,
    access: everybody,
    log: silent,
    ...options,
  })
  t.teardown(server.stop)
  return server
}

t.test('ports over TLS are the ports that are served', async (t) => {
  const server = await served({ scheduler: createMemoryScheduler(), jobs: createMemoryJobs() })
  const { scheduler, jobs, catalog, close } = await connect({ address: at(server), identity: client })
  const stored = await scheduler.putPolicy({ policy: examplePolicy })
  t.same(await collect(scheduler.policies({})), [stored])
  await jobs.submit(exampleJob('1'))
  t.equal((await collect(jobs.log({ jobId: '1' }))).length, 3)
  await assert.rejects(scheduler.removePolicy({ name: 'x' }), { code: 'policy-unknown', status: 230 })
  await assert.rejects(catalog.getImage({ backupId: 'x' }), { code: 'not-supported' })
  close()
})

for (const compress of [false, true])
  t.test(`data channels over TLS${compress ? ', compressed' : ''}`, async (t) => {
    const listeningPort = await freePort()
    const clock = systemClock()
    let ends: (() => Promise<void>)[] = []
    dataChannelsSuite(t, {
      setup: async () => {
        const virtual = createVirtualClock()
        const listening = createTlsChannels(
          { identity: media, clock: virtual },
          { address: `${host}:${listeningPort}`, name: 'media1' },
        )
        const connecting = createTlsChannels(
          { identity: client, clock: virtual },
          { address: 'web1', name: 'web1', compress },
        )
        const server = await serve(
          {},
          { port: listeningPort, host, identity: media, access: everybody, channels: listening, clock },
        )
        ends = [connecting.close, server.stop]
        return { listening, connecting, clock: virtual, mostBufferedBytes: 9 * 2 ** 20 }
      },
      teardown: async () => {
        for (const end of ends) await end()
      },
    })
  })

t.test('who is called is who was meant', async (t) => {
  const server = await served({ jobs: createMemoryJobs() }, { identity: media })
  const address = at(server)
  await assert.rejects(connect({ address, identity: client }), {
    code: 'identity-invalid',
    message: `media1 (media-server) answers at ${address}, not a master; correct the address of a master`,
  })
  await assert.rejects(connect({ address, identity: client, expect: { name: 'media2' } }), {
    code: 'identity-invalid',
    message: /media1 \(media-server\) answers at .*, not media2/,
  })
  const { close } = await connect({ address, identity: client, expect: { name: 'media1' } })
  close()

  const ours = held({ ...client.current(), authorities: (await testAuthority()).certificate })
  await assert.rejects(connect({ address, identity: ours }), {
    code: 'identity-invalid',
    message: /certificate that is refused: it is not of an authority that is trusted here/,
  })
  const late = await served(
    {},
    { identity: held(await authority.identity('master1', ['master'], { expired: true })) },
  )
  await assert.rejects(connect({ address: at(late), identity: client }), {
    code: 'identity-invalid',
    message: /it has expired; renew it, or correct the clock/,
  })
  t.pass('refused')
})

t.test('an impostor hears nothing, neither a call nor a ticket', async (t) => {
  const stranger = await (await testAuthority()).identity('master1', ['master'])
  let heard = 0
  const impostor = createTlsServer({
    key: stranger.privateKey,
    cert: stranger.certificate,
    ALPNProtocols: ['http/1.1', 'nb-data/1'],
    requestCert: true,
    rejectUnauthorized: false,
  })
  impostor.on('secureConnection', (socket) =>
    socket.on('data', (bytes: Buffer) => (heard += bytes.length)).on('error', () => undefined),
  )
  impostor.on('tlsClientError', () => undefined)
  await once(impostor.listen(0, host), 'listening')
  t.teardown(() => impostor.close())
  const address = at(impostor.address() as { port: number })
  await assert.rejects(connect({ address, identity: client }), { code: 'identity-invalid' })
  const channels = createTlsChannels(
    { identity: client, clock: systemClock() },
    { address: 'web1', name: 'web1' },
  )
  const ticket = { address: `tls:${address}/master1`, token: 'secret' }
  await assert.rejects(channels.connect({ ticket }), { code: 'identity-invalid' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(heard, 0)
})

t.test('who calls is told to who decides, and what it refuses is what the caller gets', async (t) => {
  const calls: unknown[] = []
  const ends: string[] = []
  const access: AccessControl = {
    admit: async ({ peer, port, method, input, address }) => {
      t.match(address, /127\.0\.0\.1/)
      calls.push([peer?.name, peer?.roles, `${port}.${method}`, input])
      if (method === 'removePolicy') throw new NbError('access-denied', `${peer?.name} may not`)
      return async (error) => void ends.push(error === undefined ? 'well' : (error as NbError).code)
    },
  }
  const server = await served({ scheduler: createMemoryScheduler(), jobs: createMemoryJobs() }, { access })
  const { scheduler, jobs, close } = await connect({ address: at(server), identity: client })
  await scheduler.getPolicy({ name: 'x' })
  await assert.rejects(scheduler.removePolicy({ name: 'x' }), {
    code: 'access-denied',
    status: 46,
    message: 'web1 may not',
  })
  await assert.rejects(jobs.cancel({ jobId: '9' }), { code: 'job-unknown' })
  await collect(jobs.list({}))
  t.same(ends, ['well', 'job-unknown', 'well'])
  t.same(calls, [
    ['web1', ['client'], 'scheduler.getPolicy', { name: 'x' }],
    ['web1', ['client'], 'scheduler.removePolicy', { name: 'x' }],
    ['web1', ['client'], 'jobs.cancel', { jobId: '9' }],
    ['web1', ['client'], 'jobs.list', {}],
  ])
  close()
})

t.test('a caller without a certificate is nobody; one with a bad certificate is told why', async (t) => {
  const peers: unknown[] = []
  const server = await served(
    { scheduler: createMemoryScheduler() },
    { access: { admit: async ({ peer }) => void peers.push(peer) } },
  )
  const ask = post.bind(undefined, server.port)
  t.match(await ask({}, '{"json":{"name":"x"}}'), { status: 200 })
  t.same(peers, [undefined])
  t.match(await ask({}, JSON.stringify({ json: { name: 'x'.repeat(70_000) } })), {
    status: 403,
    body: /enrol this host first/,
  })
  const late = await authority.identity('web1', ['client'], { expired: true })
  t.match(await ask(shown(held(late)), '{"json":{"name":"x"}}'), {
    status: 403,
    body: /identity-invalid.*it has expired/,
  })
  const foreign = await (await testAuthority()).identity('web1', ['client'])
  t.match(await ask(shown(held(foreign)), '{"json":{"name":"x"}}'), {
    status: 403,
    body: /not of an authority that is trusted/,
  })
  t.equal(peers.length, 1, 'none of them got to a port')
  const data = tlsConnect({
    host,
    port: server.port,
    ALPNProtocols: ['nb-data/1'],
    rejectUnauthorized: false,
  })
  data.on('error', () => undefined)
  data.resume()
  await once(data, 'close')
  t.pass('a data connection of nobody is cut')
})

t.test('a renewed identity is used by the next connection, at both ends', async (t) => {
  const server = held(await authority.identity('master1', ['master']))
  const person = held(await authority.identity('web1', ['client'], { expired: true }))
  const { port } = await served({ scheduler: createMemoryScheduler() }, { identity: server })
  await assert.rejects(connect({ address: at({ port }), identity: person }), { code: 'identity-invalid' })
  person.become(await authority.identity('web1', ['client']))
  server.become(await authority.identity('master2', ['master']))
  const renewed = await connect({ address: at({ port }), identity: person, expect: { name: 'master2' } })
  t.equal(await renewed.scheduler.getPolicy({ name: 'x' }), undefined)
  renewed.close()
})

t.test('a peer that becomes silent is given up: calls, streams and channels end', async (t) => {
  const jobs = createMemoryJobs()
  const port = await freePort()
  const clock = systemClock()
  const listening = createTlsChannels(
    { identity: master, clock },
    { address: at({ port }), name: 'master1', heartbeatMs: 300 },
  )
  await served({ jobs }, { port, channels: listening })
  const through = await severable(port)
  const connection: Connection = await connect({ address: at(through), identity: client, heartbeatMs: 300 })
  const channels = createTlsChannels(
    { identity: client, clock },
    { address: 'web1', name: 'web1', heartbeatMs: 300 },
  )
  const listener = await listening.listen()
  const { token } = listener.ticket
  const near = await channels.connect({ ticket: { address: `tls:${at(through)}/master1`, token } })
  const far = await listener.accept()
  await connection.jobs.submit(exampleJob('1'))
  const ended = { code: 'server-unreachable', message: /it said nothing for 1\.5 s/ }
  const watching = assert.rejects(collect(connection.jobs.watch({})), ended)
  const waiting = assert.rejects(connection.jobs.wait({ jobId: '1' }), ended)
  await turnsUntil(() => jobs.watching === 2)
  await new Promise((resolve) => setTimeout(resolve, 2000))
  t.equal(jobs.watching, 2, 'while both live nothing ends, however long it takes')
  const silentFor = (who: string, whom: string) => ({
    code: 'channel-broken',
    message: new RegExp(`${who} heard nothing of ${whom} for 1\\.5 s`),
  })
  const reading = [
    assert.rejects(near.read(), silentFor('web1', 'master1')),
    assert.rejects(far.read(), silentFor('master1', 'web1')),
  ]
  through.cut()
  await Promise.all([watching, waiting, ...reading])
  connection.close()
  await channels.close()
})

t.test('a stream that says that it lives needs no second connection', async (t) => {
  let asked = 0
  let speaking = true
  const server = createHttpServer((request, response) => {
    if (request.url === '/nb') asked += 1
    if (request.url === '/nb') response.end('{}')
    else setInterval(() => speaking && response.write(': \n\n'), 5).unref()
  }).listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const plain = {
    name: 'plain',
    request: (options: object) => httpRequest({ host, port, ...options }),
    close: () => {},
  }
  const stream = watchPeer(plain, 40).request({ path: '/stream' })
  stream.once('response', (answer) => answer.resume().on('error', () => {})).end()
  await once(stream, 'response')
  await new Promise((resolve) => setTimeout(resolve, 400))
  // Ten heartbeats; this process may be late for one.
  t.ok(asked < 5, `asked ${asked} times`)
  speaking = false
  await turnsUntil(() => asked > 5)
  stream.destroy()
  server.close()
  server.closeAllConnections()
})

t.test('what takes connections and says nothing holds up no call that is given up', async () => {
  const mute = createServer().listen(0, host)
  await once(mute, 'listening')
  const address = at(mute.address() as { port: number })
  t.teardown(() => mute.close())
  const { jobs, close } = portsAt({ address, identity: client, heartbeatMs: 20 })
  await assert.rejects(jobs.get({ jobId: '1' }), {
    code: 'server-unreachable',
    message: /it said nothing for 0\.1 s/,
  })
  close()
  const patient = portsAt({ address, identity: client })
  const cancelled = new AbortController()
  const call = assert.rejects(patient.jobs.get({ jobId: '1' }, { signal: cancelled.signal }), {
    name: 'AbortError',
  })
  const closed = assert.rejects(patient.jobs.get({ jobId: '1' }), { message: /the connection was closed/ })
  await once(mute, 'connection')
  cancelled.abort()
  await call
  patient.close()
  await closed
})

t.test('what is open to a host that is revoked is cut, at either end; others go on', async (t) => {
  const jobs = createMemoryJobs()
  await jobs.submit(exampleJob('1'))
  const port = await freePort()
  const server = held(await authority.identity('media1', ['media-server']))
  const stolen = held(await authority.identity('web1', ['client']))
  const other = held(await authority.identity('web2', ['client']))
  const clock = systemClock()
  const listening = createTlsChannels({ identity: server, clock }, { address: at({ port }), name: 'media1' })
  await served({ jobs }, { port, identity: server, channels: listening })
  const expect = { name: 'media1' }
  const revoked = await connect({ address: at({ port }), identity: stolen, expect })
  const good = await connect({ address: at({ port }), identity: other, expect })
  const channels = createTlsChannels({ identity: stolen, clock }, { address: 'web1', name: 'web1' })
  const listener = await listening.listen()
  const near = await channels.connect({ ticket: listener.ticket })
  const far = await listener.accept()
  const told = {
    ...{ code: 'identity-invalid', status: 46, details: { reason: 'CERT_REVOKED' } },
    message: 'media1 refuses the certificate that it was shown: it is revoked; enrol again',
    remedy: 'Enrol the host whose certificate it is again, with a new token.',
  }
  const cut = { code: 'channel-broken', message: /: the certificate of web1 was revoked$/ }
  const ended = [
    assert.rejects(collect(revoked.jobs.watch({})), told, 'a stream'),
    assert.rejects(revoked.jobs.wait({ jobId: '1' }), told, 'a call'),
    assert.rejects(near.read(), cut),
    assert.rejects(far.read(), cut),
  ]
  let seen = 0
  const watching = assert.rejects(
    async () => {
      for await (const _event of good.jobs.watch({})) seen += 1
    },
    { code: 'identity-invalid', message: `the certificate of media1 at ${at({ port })} was revoked` },
  )
  await turnsUntil(() => jobs.watching === 3 && seen === 1)

  server.become({ ...server.current(), ...(await authority.revoking(stolen.current())) })
  await Promise.all(ended)
  jobs.change('1', { state: 'active' })
  await turnsUntil(() => seen === 2 && jobs.watching === 1)
  await assert.rejects(revoked.jobs.get({ jobId: '1' }), told, 'whatever it asks next')

  other.become({ ...other.current(), ...(await authority.revoking(server.current())) })
  await watching
  await assert.rejects(good.jobs.get({ jobId: '1' }), { code: 'identity-invalid', message: /it is revoked/ })
  await turnsUntil(() => jobs.watching === 0)
  revoked.close()
  good.close()
  await channels.close()
  t.pass('cut')
})

t.test('hosts are reached by name, wherever they are by now', async (t) => {
  const jobs = createMemoryJobs()
  const first = await served({ jobs }, { identity: media })
  const addresses = new Map([['media1', at(first)]])
  const hosts = reachHosts('jobs', { identity: client, addresses })
  t.equal(hosts.get('media2'), undefined)
  t.same([hosts.has('media1'), hosts.has('media2'), [...hosts.keys()]], [true, false, ['media1']])
  const port = hosts.get('media1')
  t.equal(hosts.get('media1'), port)
  t.same(await port?.submit(exampleJob('1')), { jobId: '1' })
  await first.stop()
  await assert.rejects(async () => hosts.get('media1')?.get({ jobId: '1' }), { code: 'server-unreachable' })
  await served({ jobs }, { identity: media, port: first.port })
  t.equal((await port?.get({ jobId: '1' }))?.id, '1', 'it is back')
  const moved = await served({ jobs }, { identity: media })
  addresses.set('media1', at(moved))
  t.equal((await hosts.get('media1')?.get({ jobId: '1' }))?.id, '1')
  addresses.set('media2', at(moved))
  await assert.rejects(async () => hosts.get('media2')?.get({ jobId: '1' }), { code: 'identity-invalid' })
  addresses.delete('media1')
  t.equal(hosts.get('media1'), undefined)
  hosts.close()
})

t.test(
  'a ticket opens one channel: not a second one, not for another host, not later, and none is guessed',
  async (t) => {
    const port = await freePort()
    const clock = createVirtualClock()
    const listening = createTlsChannels({ identity: media, clock }, { address: at({ port }), name: 'media1' })
    await served({}, { port, identity: media, channels: listening })
    const of = (identity: HostIdentity, name: string): TlsChannels => {
      const channels = createTlsChannels({ identity, clock: systemClock() }, { address: name, name })
      t.teardown(channels.close)
      return channels
    }
    const own = of(client, 'web1')
    const other = of(held(await authority.identity('web2', ['client'])), 'web2')
    const foreign = of(held(await (await testAuthority()).identity('web1', ['client'])), 'web1')
    const late = of(held(await authority.identity('web1', ['client'], { expired: true })), 'web1')
    const invalid = { code: 'ticket-invalid', status: 46, message: /unknown, used or out of date/ }

    const awaited = await listening.listen({ peer: 'web1' })
    const { ticket } = awaited
    await assert.rejects(other.connect({ ticket }), invalid, 'it is for web1')
    for (const refused of [foreign, late])
      await assert.rejects(refused.connect({ ticket }), { code: /identity-invalid|server-unreachable/ })
    const guessed = { ...ticket, token: `${ticket.token.slice(1)}x` }
    await assert.rejects(own.connect({ ticket: guessed }), invalid)
    const near = await own.connect({ ticket })
    const far = await awaited.accept()
    for (const again of [own, other]) await assert.rejects(again.connect({ ticket }), invalid, 'it was used')
    await near.write(Buffer.from('whole'))
    t.same(Buffer.from((await far.read()) as Uint8Array).toString(), 'whole', 'nobody has disturbed it')

    const brief = await listening.listen({ timeoutMs: 1000, peer: 'web1' })
    const nobody = assert.rejects(brief.accept(), { code: 'channel-broken', message: /nobody connected/ })
    await clock.advance(1000)
    await assert.rejects(own.connect({ ticket: brief.ticket }), invalid, 'it is too old')
    await nobody
  },
)

t.test('a host that is away, or not known, is told by what it is, with its name', async (t) => {
  const nobody = `127.0.0.1:${await freePort()}`
  const addresses = new Map([
    ['media1', nobody],
    ['web1', nobody],
  ])
  const mediaServers = reachHosts('mediaServer', { identity: master, addresses })
  await assert.rejects(async () => mediaServers.get('media1')?.sessions({}), {
    ...{ code: 'media-server-unreachable', status: 811, retryable: true },
    message: new RegExp(`^media server media1 can't be reached at ${nobody}: .*ECONNREFUSED`),
    details: { host: 'media1', address: nobody },
  })
  const clients = reachHosts('clientAgent', { identity: master, addresses })
  await assert.rejects(async () => clients.get('web1')?.fileSystems({}), {
    ...{ code: 'client-unreachable', status: 58 },
    message: new RegExp(`^client web1 can't be reached at ${nobody}: .*ECONNREFUSED`),
  })
  const located = locateHosts('clientAgent', {
    identity: media,
    clock: systemClock(),
    locate: async (name) => addresses.get(name),
  })
  await assert.rejects(collect(located.get('web1').progress({ runId: '1' })), { code: 'client-unreachable' })
  await assert.rejects(located.get('web3').waitRun({ runId: '1' }), {
    ...{ code: 'client-unknown', status: 48 },
    message:
      'client web3 is not known to the master, or has no address there: enrol it, or nb host set web3 --address HOST:PORT',
  })
  for (const hosts of [mediaServers, clients, located]) hosts.close()
  t.pass('told')
})

t.test('a caller of another version is told', async (t) => {
  const { port } = await served({ scheduler: createMemoryScheduler() })
  const answer = await post(port, {}, '{"json":{"name":"x"}}', { 'nb-wire': '99' })
  t.match(answer, { status: 400, body: /version-unsupported.*the caller 99/ })
})

t.test('a port that is taken is told', async (t) => {
  const { port } = await served({})
  await assert.rejects(serve({}, { port, host, identity: master, access: everybody }), {
    code: 'store-locked',
    message: `another process listens on port ${port}; stop it, or use another port`,
  })
  await assert.rejects(connect({ address: 'no such place', identity: client }), { code: 'argument-invalid' })
  await assert.rejects(connect({ address: at({ port: await freePort() }), identity: client }), {
    code: 'server-unreachable',
    retryable: true,
  })
  t.pass('told')
})

/** A way to a port that can become a black hole. */
async function severable(port: number): Promise<{ readonly port: number; readonly cut: () => void }> {
  let open = true
  const proxy = createServer((near) => {
    const far = createConnection(port, host)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => open && to.write(bytes))
      from.on('error', () => undefined)
      from.on('close', () => open && to.destroy())
    }
    t.teardown(() => [near, far].forEach((socket) => socket.destroy()))
  })
  await once(proxy.listen(0, host), 'listening')
  t.teardown(() => proxy.close())
  return { port: (proxy.address() as { port: number }).port, cut: () => (open = false) }
}

function shown(identity: HostIdentity): { readonly cert: string; readonly key: string } {
  const { certificate, privateKey } = identity.current()
  return { cert: certificate, key: privateKey }
}

function post(
  port: number,
  material: { readonly cert?: string; readonly key?: string },
  body: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      host,
      port,
      method: 'POST',
      path: '/rpc/scheduler/getPolicy',
      rejectUnauthorized: false,
      agent: false,
    }
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...more,
    }
    const sent = request({ ...options, ...material, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

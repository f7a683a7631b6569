import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import { debugLogger, type Enrolment, NbError, type Role } from '@nb/contracts'
import { createPowerLossStorage, type PowerLossStorage } from '@nb/test-kit'
import { followMaster } from '../../src/hosts/follow-master.ts'
import { checkOwn } from '../../src/identity/check-own.ts'
import { authorityAt } from '../../src/identity/authority-at.ts'
import { enrolHost } from '../../src/identity/enrol-host.ts'
import {
  type HostIdentityEvents,
  type HostIdentityOptions,
  type KeptIdentity,
  openHostIdentity,
} from '../../src/identity/host-identity.ts'
import type { IdentityMaterial } from '../../src/identity/identity.ts'
import { peerIdentityOf } from '../../src/identity/peer-identity.ts'
import { type DirectoryFixture, directoryFixture, storageThatFailsAt } from './directory-fixture.ts'
import { signOdd } from './certificates.ts'

const dayMs = 86_400_000
const directory = '/host/identity'

/** Enrols a host whose files are in the storage. */
async function enrol(
  { hosts, enrolment }: DirectoryFixture,
  storage: PowerLossStorage,
  { name = 'web1', roles = ['client'] as readonly Role[] } = {},
): Promise<void> {
  const { token } = await hosts.createToken({ name, roles })
  await enrolHost({ enrolment, directory, files: storage.files }, { token, addresses: [`${name}:13724`] })
}

async function opened(
  fixture: DirectoryFixture,
  storage: PowerLossStorage,
  enrolment: Pick<Enrolment, 'renew' | 'revocations'> = fixture.enrolment,
  options: HostIdentityOptions = {},
): Promise<{ identity: KeptIdentity; events: (keyof HostIdentityEvents)[] }> {
  const { clock } = fixture
  const identity = await openHostIdentity({ clock, enrolment, directory, files: storage.files }, options)
  const events: (keyof HostIdentityEvents)[] = []
  for (const name of [
    'identity:renewed',
    'identity:not-renewed',
    'identity:revocations',
    'identity:no-revocations',
  ] as const)
    identity.on(name, () => events.push(name))
  return { identity, events }
}

t.test('a host enrols, keeps its key, and is who the token said', async (t) => {
  const fixture = await directoryFixture()
  const storage = createPowerLossStorage()
  await enrol(fixture, storage)
  storage.lose()
  storage.restore()
  const { identity } = await opened(fixture, storage)
  t.match(identity.own(), { name: 'web1', roles: ['client'] })
  t.same((await fixture.hosts.get({ name: 'web1' }))?.addresses, ['web1:13724'])
  t.same(await storage.files.list(directory), ['authorities.pem', 'identity.pem', 'revocations.pem'])
})

t.test(
  'the identity of another name is replaced when that is said, and one of the same name anyhow',
  async (t) => {
    const fixture = await directoryFixture()
    const { hosts, enrolment } = fixture
    const storage = createPowerLossStorage()
    await enrol(fixture, storage)
    await enrol(fixture, storage, { roles: ['client', 'media-server'] })
    const { token } = await hosts.createToken({ name: 'web2', roles: ['client'] })
    const enrolOther = (replace: boolean): Promise<unknown> =>
      enrolHost({ enrolment, directory, files: storage.files }, { token, replace })
    await t.rejects(enrolOther(false), {
      code: 'already-exists',
      message: /^\/host\/identity has the identity of web1 \(client, media-server\), certified on /,
      remedy: /--replace/,
    })
    t.match((await opened(fixture, storage)).identity.own(), {
      name: 'web1',
      roles: ['client', 'media-server'],
    })
    await enrolOther(true)
    t.match((await opened(fixture, storage)).identity.own(), { name: 'web2', roles: ['client'] })
  },
)

t.test('an answer that gets lost, or power at any moment, costs no token', async (t) => {
  const fixture = await directoryFixture()
  const { hosts, enrolment } = fixture
  const measured = createPowerLossStorage()
  await enrol(fixture, measured)
  for (let loseAt = 1; loseAt <= measured.operations; loseAt += 1) {
    const storage = storageThatFailsAt(loseAt)
    const { token } = await hosts.createToken({ name: 'web1', roles: ['client'] })
    const again = (): Promise<unknown> => enrolHost({ enrolment, directory, files: storage.files }, { token })
    await again().catch(() => undefined)
    if (!storage.lost) storage.lose()
    storage.restore()
    const { identity } = await opened(fixture, storage).catch(async () => {
      await again()
      return opened(fixture, storage)
    })
    t.equal(identity.own().fingerprint, (await hosts.get({ name: 'web1' }))?.certificate?.fingerprint)
  }
})

t.test(
  'a server of another authority gets no identity in, and no token that is not whole gets anywhere',
  async (t) => {
    const [ours, theirs] = [await directoryFixture(), await directoryFixture()]
    const storage = createPowerLossStorage()
    const { token } = await ours.hosts.createToken({ name: 'web1', roles: ['client'] })
    const foreign: Enrolment['enrol'] = async ({ request }) => {
      const other = await theirs.hosts.createToken({ name: 'web1', roles: ['client'] })
      return theirs.enrolment.enrol({ token: theirs.secretOf(other.token), request })
    }
    const enrolAt = (enrol: Enrolment['enrol'], text: string): Promise<unknown> =>
      enrolHost({ enrolment: { enrol }, directory, files: storage.files }, { token: text })
    await t.rejects(enrolAt(foreign, token), { code: 'identity-invalid' })
    const mixed: Enrolment['enrol'] = async (input) => ({
      ...(await foreign(input)),
      authorities: ours.authority.certificate,
    })
    await t.rejects(enrolAt(mixed, token), { code: 'identity-invalid', message: /not of an authority/ })
    await t.rejects(enrolAt(foreign, token.slice(0, -1)), { code: 'token-invalid' })
    await t.rejects(opened(ours, storage), { code: 'identity-invalid', message: /enrol this host first/ })
  },
)

t.test(
  'it renews itself when two thirds of its life are over, through restarts and a master that is away',
  async (t) => {
    const fixture = await directoryFixture()
    const { clock, enrolment, hosts } = fixture
    const storage = createPowerLossStorage()
    await enrol(fixture, storage)
    let isAway = false
    const away: Enrolment['renew'] = async (input, options) => {
      if (isAway) throw new NbError('server-unreachable', 'nothing answers')
      return enrolment.renew(input, options)
    }
    const { identity } = await opened(fixture, storage, { ...enrolment, renew: away }, { refreshMs: dayMs })
    let changes = 0
    identity.onChange(() => (changes += 1))
    await identity.start()
    const first = identity.own()
    await clock.advance(19 * dayMs)
    t.equal(identity.own().fingerprint, first.fingerprint)
    isAway = true
    await after(identity, 'identity:not-renewed', () => clock.advance(dayMs))
    for (let tries = 0; tries < 3; tries += 1)
      await after(identity, 'identity:not-renewed', () => clock.advance(3_600_000))
    isAway = false
    await after(identity, 'identity:renewed', () => clock.advance(3_600_000))
    t.not(identity.own().fingerprint, first.fingerprint)
    t.ok(changes > 0)
    t.equal((await hosts.get({ name: 'web1' }))?.certificate?.fingerprint, identity.own().fingerprint)
    const second = identity.own()
    await after(identity, 'identity:renewed', () => clock.advance(21 * dayMs))
    t.ok(identity.own().notAfter > second.notAfter, 'and again')
    await identity.stop()
    const { identity: again } = await opened(fixture, storage)
    t.equal(again.own().fingerprint, identity.own().fingerprint)
  },
)

t.test('a revoked one is told so once, and not asked again', async (t) => {
  const fixture = await directoryFixture()
  const storage = createPowerLossStorage()
  await enrol(fixture, storage)
  const { identity, events } = await opened(fixture, storage, fixture.enrolment, { refreshMs: dayMs })
  await identity.start()
  await fixture.hosts.revoke({ name: 'web1', reason: 'stolen' })
  await after(identity, 'identity:not-renewed', () => fixture.clock.advance(25 * dayMs))
  await t.rejects(identity.renew(), { code: 'identity-invalid', message: /revoked/ })
  await after(identity, 'identity:revocations', () => fixture.clock.advance(5 * dayMs))
  t.equal(events.filter((event) => event === 'identity:not-renewed').length, 1)
  await identity.stop()
})

t.test(
  'within a minute a host knows who else was revoked; a master that is away is asked again',
  async (t) => {
    const fixture = await directoryFixture()
    const storage = createPowerLossStorage()
    await enrol(fixture, storage)
    await enrol(fixture, createPowerLossStorage(), { name: 'web2' })
    const serial = (await fixture.hosts.get({ name: 'web2' }))?.certificate?.serial ?? ''
    let isAway = false
    const { identity } = await opened(fixture, storage, {
      ...fixture.enrolment,
      revocations: async (input) => {
        if (isAway) throw new NbError('server-unreachable', 'nothing answers')
        return fixture.enrolment.revocations(input)
      },
    })
    await identity.start()
    isAway = true
    await fixture.hosts.revoke({ name: 'web2', reason: 'stolen' })
    await after(identity, 'identity:no-revocations', () => fixture.clock.advance(60_000))
    t.equal(identity.current().revoked, undefined)
    isAway = false
    await after(identity, 'identity:revocations', () => fixture.clock.advance(60_000))
    t.same([...(identity.current().revoked ?? [])], [serial])
    await fixture.clock.advance(600_000)
    await identity.renew()
    t.same([...(identity.current().revoked ?? [])], [serial], 'also when it is renewed')
    await identity.stop()
  },
)

t.test(
  'a host is told that its master is away, why and since when, that it is back, and that it was revoked',
  async (t) => {
    const fixture = await directoryFixture()
    const { clock, enrolment, hosts } = fixture
    const storage = createPowerLossStorage()
    await enrol(fixture, storage)
    let failure: NbError | undefined = new NbError('server-unreachable', 'nothing answers')
    const { identity } = await opened(fixture, storage, {
      ...enrolment,
      revocations: async (input) => {
        if (failure !== undefined) throw failure
        return enrolment.revocations(input)
      },
    })
    const master = followMaster(identity, clock, debugLogger('nb:test'))
    const told: unknown[] = []
    master.on('master:away', ({ error, since }) => told.push([error.message, since]))
    master.on('master:reached', ({ awaySince }) => told.push(['reached', awaySince]))
    master.on('host:revoked', ({ error }) => told.push(['revoked', error.code]))
    const began = clock.now()
    await identity.start()
    await after(identity, 'identity:no-revocations', () => clock.advance(0))
    await after(identity, 'identity:no-revocations', () => clock.advance(10_000))
    failure = new NbError('server-unreachable', 'it does not answer')
    await after(identity, 'identity:no-revocations', () => clock.advance(10_000))
    failure = undefined
    await after(identity, 'identity:listed', () => clock.advance(10_000))
    await after(identity, 'identity:listed', () => clock.advance(60_000))
    const away = clock.now() + 60_000
    failure = new NbError('server-unreachable', 'nothing answers')
    await after(identity, 'identity:no-revocations', () => clock.advance(60_000))
    failure = new NbError('identity-invalid', 'master1 refuses', { details: { reason: 'CERT_REVOKED' } })
    await after(identity, 'identity:no-revocations', () => clock.advance(10_000))
    await after(identity, 'identity:no-revocations', () => clock.advance(10_000))
    t.same(told, [
      ['nothing answers', began],
      ['it does not answer', began],
      ['reached', began],
      ['nothing answers', away],
      ['revoked', 'identity-invalid'],
    ])
    await hosts.revoke({ name: 'web1', reason: 'sold' })
    await t.rejects(identity.renew(), {
      code: 'identity-invalid',
      details: { name: 'web1', reason: 'CERT_REVOKED' },
    })
    await identity.stop()
  },
)

t.test('an identity is used by who it is for', async (t) => {
  const fixture = await directoryFixture()
  const storage = createPowerLossStorage()
  await enrol(fixture, storage)
  const own = (await opened(fixture, storage)).identity.own()
  checkOwn(own, directory, { name: 'web1', role: 'client' })
  const invalid = { code: 'identity-invalid', status: 46 }
  t.throws(() => checkOwn(own, directory, { name: 'web2', role: 'client' }), {
    ...invalid,
    message: 'the certificate in /host/identity is that of web1 (client): name must be web1, not web2',
    details: { field: 'name' },
    remedy: /--name web1, .* nb host token web2 --role client/,
  })
  t.throws(() => checkOwn(own, directory, { name: 'web1', role: 'media-server' }), {
    ...invalid,
    message: /is that of web1 \(client\): role must be media-server/,
    details: { field: 'role' },
    remedy: /Start the program that is for client/,
  })
})

t.test('an older list of revoked certificates does not take the place of a newer one', async (t) => {
  const fixture = await directoryFixture()
  const { clock, enrolment } = fixture
  const storage = createPowerLossStorage()
  await enrol(fixture, storage)
  const old = await enrolment.revocations({})
  await clock.advance(dayMs)
  let told = old
  const { identity } = await opened(fixture, storage, { ...enrolment, revocations: async () => told })
  await enrol(fixture, createPowerLossStorage(), { name: 'web2' })
  await fixture.hosts.revoke({ name: 'web2', reason: 'sold' })
  told = await enrolment.revocations({})
  await identity.refresh()
  t.equal(identity.current().revocations, told.revocations)
  told = old
  await t.rejects(identity.refresh(), { code: 'identity-invalid', message: /older/ })
})

/** A server of Node's own, with what an identity is. */
async function serving(
  material: IdentityMaterial,
  t: Test,
): Promise<{ port: number; server: Server; authority: string }> {
  const server = createServer({
    key: material.privateKey,
    cert: material.certificate,
    ca: material.authorities,
    ...(material.revocations === undefined ? {} : { crl: material.revocations }),
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, server, authority: material.authorities }
}

/** Whom the server takes a client for. */
async function seenBy(
  { port, server, authority }: { port: number; server: Server; authority: string },
  material: IdentityMaterial,
): Promise<string> {
  const arrives = once(server, 'secureConnection') as Promise<[TLSSocket]>
  const socket = connect({
    port,
    host: '127.0.0.1',
    key: material.privateKey,
    cert: material.certificate,
    ca: authority,
    servername: 'master1.nb.internal',
  })
  socket.on('error', () => {})
  const [theirs] = await arrives
  const certificate = theirs.getPeerX509Certificate()
  const seen =
    theirs.authorized && certificate !== undefined
      ? peerIdentityOf(certificate).name
      : String(theirs.authorizationError)
  socket.destroy()
  theirs.destroy()
  return seen
}

t.test(
  'Node’s TLS takes what is issued, on both ends, and refuses what was revoked, has ended, or is of others',
  async (t) => {
    const fixture = await directoryFixture()
    // TLS asks the machine's clock.
    await fixture.clock.advance(Date.now() - fixture.clock.now())
    const material = async (
      name: string,
      roles: readonly Role[],
      site = fixture,
    ): Promise<IdentityMaterial> => {
      const storage = createPowerLossStorage()
      await enrol(site, storage, { name, roles })
      return (await opened(site, storage)).identity.current()
    }
    const [web1, web2] = [await material('web1', ['client']), await material('web2', ['client'])]
    await fixture.hosts.revoke({ name: 'web2', reason: 'stolen' })
    const master = await material('master1', ['master'])
    const served = await serving(master, t)
    t.equal(await seenBy(served, web1), 'web1')
    t.equal(await seenBy(served, web2), 'CERT_REVOKED')
    const others = await directoryFixture()
    await others.clock.advance(Date.now() - others.clock.now())
    t.match(await seenBy(served, await material('web1', ['client'], others)), /UNABLE_TO|SELF_SIGNED/)
    const uris = ['urn:nb:host:web3', 'urn:nb:role:client']
    const over = await signOdd(fixture.storage, {
      uris,
      notBefore: Date.now() - 2 * dayMs,
      notAfter: Date.now() - dayMs,
    })
    t.equal(await seenBy(served, { ...web1, ...over }), 'CERT_HAS_EXPIRED')

    const { authority } = fixture
    const ask = { host: '127.0.0.1', port: served.port, fingerprint: authority.fingerprint }
    t.equal(await authorityAt(ask), authority.certificate)
    await t.rejects(authorityAt({ ...ask, fingerprint: others.authority.fingerprint }), {
      code: 'identity-invalid',
    })
  },
)

t.test('where nothing answers, or not in TLS, an authority is not found within its time', async (t) => {
  // It reads, so that it learns when the other end leaves.
  const silent = createTcpServer((socket) => socket.on('error', () => {}).resume())
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const ask = { host: '127.0.0.1', port, fingerprint: 'a'.repeat(64) }
  await t.rejects(authorityAt({ ...ask, timeoutMs: 50 }), { code: 'server-unreachable', retryable: true })
  await t.rejects(authorityAt({ ...ask, signal: AbortSignal.abort() }), { name: 'AbortError' })
  const stopping = new AbortController()
  const asked = authorityAt({ ...ask, signal: stopping.signal })
  setImmediate(() => stopping.abort())
  await t.rejects(asked, { name: 'AbortError' })
  await new Promise((resolve) => silent.close(resolve))
  await t.rejects(authorityAt(ask), { code: 'server-unreachable' })
})

/** Lets time pass, and waits for what comes of it. */
async function after(
  identity: KeptIdentity,
  event: keyof HostIdentityEvents,
  pass: () => Promise<void>,
): Promise<void> {
  const told = new Promise<void>((resolve) => identity.once(event, () => resolve()))
  await pass()
  await told
}

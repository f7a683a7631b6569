import assert from 'node:assert/strict'
import type { Enrolment, HostDirectory, Role } from '@nb/contracts'
import { collect } from '../collect.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { VirtualClock } from '../virtual-clock.ts'

/** A key of someone who wants it certified. */
export interface KeyToCertify {
  /** PKCS #10, PEM. */
  readonly request: string
  /** Another request for the same key. */
  readonly again: () => Promise<string>
  /** The proof of `Enrolment.renew` for a request. */
  readonly prove: (request: string) => string
}

/** What the suites of identities work with: certificates have a life of 30 days. */
export interface IdentityFixture {
  readonly hosts: HostDirectory
  readonly enrolment: Enrolment
  readonly clock: VirtualClock
  /** Makes a key that is certified for nobody yet. */
  readonly makeKey: () => Promise<KeyToCertify>
  /** The secret in the text of a token. */
  readonly secretOf: (token: string) => string
  /** Name and roles that a certificate (PEM) proves. */
  readonly namedBy: (certificate: string) => { readonly name: string; readonly roles: readonly Role[] }
  /** The serial numbers on a list of revoked certificates (PEM). */
  readonly revokedBy: (list: string) => Promise<readonly string[]>
}

const dayMs = 86_400_000

/** Makes a token and enrols with it. */
export async function enrolled(
  { hosts, enrolment, makeKey, secretOf }: IdentityFixture,
  name: string,
  roles: readonly Role[],
): Promise<{ readonly key: KeyToCertify; readonly certificate: string; readonly token: string }> {
  const { token } = await hosts.createToken({ name, roles })
  const key = await makeKey()
  const issued = await enrolment.enrol({ token: secretOf(token), request: key.request })
  return { key, certificate: issued.certificate, token: secretOf(token) }
}

/** The obligations of {@link Enrolment}. */
export function enrolmentSuite<Fixture extends IdentityFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('a token makes one certificate for its name and roles, and one for a lost answer', async (fixture) => {
    const { hosts, enrolment, makeKey, namedBy } = fixture
    const { key, certificate, token } = await enrolled(fixture, 'web1', ['client', 'media-server'])
    assert.deepEqual(namedBy(certificate), { name: 'web1', roles: ['client', 'media-server'] })
    const repeated = await enrolment.enrol({ token, request: await key.again() })
    assert.equal(repeated.certificate, certificate)
    const { request } = await makeKey()
    await assert.rejects(enrolment.enrol({ token, request }), { code: 'token-invalid', status: 46 })
    const record = await hosts.get({ name: 'web1' })
    assert.equal(record?.state, 'enrolled')
    assert.equal(record.tokenExpiresAt, undefined)
  })

  test('a token that is out of date, replaced or made up makes nothing', async (fixture) => {
    const { hosts, enrolment, clock, makeKey, secretOf } = fixture
    const { request } = await makeKey()
    const first = await hosts.createToken({ name: 'web1', roles: ['client'], validForMs: 60_000 })
    const second = await hosts.createToken({ name: 'web1', roles: ['client'], validForMs: 60_000 })
    assert.equal(second.expiresAt, clock.now() + 60_000)
    for (const token of [secretOf(first.token), 'x'.repeat(43), ''])
      await assert.rejects(enrolment.enrol({ token, request }), { code: 'token-invalid' })
    await clock.advance(60_000)
    await assert.rejects(enrolment.enrol({ token: secretOf(second.token), request }), {
      code: 'token-invalid',
    })
    assert.equal((await hosts.get({ name: 'web1' }))?.state, 'invited')
  })

  test('two that come with one token at once are not both certified', async (fixture) => {
    const { hosts, enrolment, makeKey, secretOf } = fixture
    const { token } = await hosts.createToken({ name: 'web1', roles: ['client'] })
    const keys = [await makeKey(), await makeKey()]
    const tries = keys.map(({ request }) => enrolment.enrol({ token: secretOf(token), request }))
    const outcomes = await Promise.allSettled(tries)
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  test('what is no request for a certificate is refused, and the token stays good', async (fixture) => {
    const { hosts, enrolment, makeKey, secretOf } = fixture
    const { token } = await hosts.createToken({ name: 'web1', roles: ['client'] })
    const { request } = await makeKey()
    const other = await makeKey()
    const middle = Math.floor(request.length / 2)
    const flipped = request[middle] === 'A' ? 'B' : 'A'
    const damaged = request.slice(0, middle) + flipped + request.slice(middle + 1)
    for (const wrong of ['', 'no PEM', damaged, other.request.slice(0, 200)])
      await assert.rejects(enrolment.enrol({ token: secretOf(token), request: wrong }), {
        code: 'argument-invalid',
      })
    await enrolment.enrol({ token: secretOf(token), request })
  })

  test('enrolling anew takes the place of the certificate before, which is revoked', async (fixture) => {
    const { hosts, enrolment, revokedBy } = fixture
    const first = await enrolled(fixture, 'web1', ['client'])
    const before = await hosts.get({ name: 'web1' })
    const second = await enrolled(fixture, 'web1', ['client'])
    assert.notEqual(second.certificate, first.certificate)
    const { revocations } = await enrolment.revocations({})
    assert.deepEqual(await revokedBy(revocations), [before?.certificate?.serial])
    const { key, certificate } = first
    await assert.rejects(
      enrolment.renew({ certificate, request: key.request, proof: key.prove(key.request) }),
      { code: 'identity-invalid' },
    )
  })

  test('a certificate is renewed with the roles of now, and stays good until its end', async (fixture) => {
    const { hosts, enrolment, clock, makeKey, namedBy, revokedBy } = fixture
    const { key, certificate } = await enrolled(fixture, 'web1', ['client'])
    await hosts.update({ name: 'web1', roles: ['client', 'media-server'] })
    await clock.advance(20 * dayMs)
    const next = await makeKey()
    const input = { certificate, request: next.request, proof: key.prove(next.request) }
    const issued = await enrolment.renew(input)
    assert.deepEqual(namedBy(issued.certificate), { name: 'web1', roles: ['client', 'media-server'] })
    assert.equal((await enrolment.renew(input)).certificate, issued.certificate, 'a lost answer comes again')
    assert.deepEqual(await revokedBy(issued.revocations), [])
    const record = await hosts.get({ name: 'web1' })
    assert.equal(record?.certificate?.notAfter, clock.now() + 30 * dayMs)
  })

  test('whoever renews in a loop is slowed down', async (fixture) => {
    const { enrolment, makeKey, clock } = fixture
    const { key, certificate } = await enrolled(fixture, 'web1', ['client'])
    const next = await makeKey()
    const input = { certificate, request: next.request, proof: key.prove(next.request) }
    await assert.rejects(enrolment.renew(input), { code: 'state-conflict', retryable: true })
    await clock.advance(dayMs)
    await enrolment.renew(input)
  })

  test('a certificate that ended, was revoked, or is shown by another is not renewed', async (fixture) => {
    const { hosts, enrolment, makeKey, clock } = fixture
    const web1 = await enrolled(fixture, 'web1', ['client'])
    const web2 = await enrolled(fixture, 'web2', ['client'])
    await clock.advance(dayMs)
    const { request } = await makeKey()
    const renew = ({ key, certificate }: typeof web1, by = key): Promise<unknown> =>
      enrolment.renew({ certificate, request, proof: by.prove(request) })
    await assert.rejects(renew(web1, web2.key), {
      code: 'identity-invalid',
      message: /not signed with its key/,
    })
    await hosts.revoke({ name: 'web1', reason: 'stolen' })
    await assert.rejects(renew(web1), {
      code: 'identity-invalid',
      retryable: false,
      message: /revoked.*stolen/,
    })
    await clock.advance(30 * dayMs)
    await assert.rejects(renew(web2), { code: 'identity-invalid', message: /ended on .* enrol again/ })
    await assert.rejects(enrolment.renew({ certificate: 'none', request, proof: '' }), {
      code: 'identity-invalid',
    })
  })

  test('what was revoked is on the list until its end', async (fixture) => {
    const { hosts, enrolment, clock, revokedBy } = fixture
    await enrolled(fixture, 'web1', ['client'])
    const serial = (await hosts.get({ name: 'web1' }))?.certificate?.serial
    await hosts.revoke({ name: 'web1', reason: 'sold' })
    const listed = async (): Promise<readonly string[]> =>
      revokedBy((await enrolment.revocations({})).revocations)
    assert.deepEqual(await listed(), [serial])
    await clock.advance(29 * dayMs)
    assert.deepEqual(await listed(), [serial])
    await clock.advance(9 * dayMs)
    assert.deepEqual(await listed(), [])
  })
}

/** The obligations of {@link HostDirectory}. */
export function hostDirectorySuite<Fixture extends IdentityFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)
  const names = async ({ hosts }: Fixture, filter: Parameters<HostDirectory['list']>[0]): Promise<string[]> =>
    (await collect(hosts.list(filter))).map(({ name }) => name)

  test('hosts and persons are listed by name, by kind, role and state', async (fixture) => {
    const { hosts } = fixture
    await enrolled(fixture, 'web2', ['client'])
    await hosts.createToken({ name: 'tape1', roles: ['media-server', 'client'], addresses: ['tape1:13724'] })
    await hosts.createToken({ name: 'alice', roles: ['administrator'] })
    assert.deepEqual(await names(fixture, {}), ['alice', 'tape1', 'web2'])
    assert.deepEqual(await names(fixture, { kind: 'person' }), ['alice'])
    assert.deepEqual(await names(fixture, { role: 'client', state: 'invited' }), ['tape1'])
    assert.equal(await hosts.get({ name: 'nobody' }), undefined)
    const { tokenExpiresAt, ...record } = (await hosts.get({ name: 'tape1' })) ?? assert.fail('it is there')
    assert.equal(tokenExpiresAt, fixture.clock.now() + dayMs)
    assert.deepEqual(record, {
      name: 'tape1',
      kind: 'host',
      roles: ['media-server', 'client'],
      addresses: ['tape1:13724'],
      sources: [],
      state: 'invited',
    })
  })

  test('names, roles, addresses and times that are none are refused, naming the field', async ({ hosts }) => {
    const wrong = [
      [{ name: '../web1', roles: ['client'] }, 'name'],
      [{ name: 'web1, URI:urn:nb:role:administrator', roles: ['client'] }, 'name'],
      [{ name: 'web1', roles: [] }, 'roles'],
      [{ name: 'web1', roles: ['client', 'viewer'] }, 'roles'],
      [{ name: 'web1', roles: ['client', 'client'] }, 'roles'],
      [{ name: 'web1', roles: ['client'], addresses: ['web1'] }, 'addresses'],
      [{ name: 'web1', roles: ['client'], validForMs: 1 }, 'validForMs'],
    ] as const
    for (const [input, field] of wrong)
      await assert.rejects(hosts.createToken(input), (error: { code?: string; details?: object }) => {
        assert.equal(error.code, 'argument-invalid')
        assert.equal((error.details as { field?: string }).field, field)
        return true
      })
  })

  test('a name has one kind, and differs from others in more than case', async ({ hosts }) => {
    await hosts.createToken({ name: 'Web1', roles: ['client'] })
    await assert.rejects(hosts.createToken({ name: 'web1', roles: ['client'] }), { code: 'already-exists' })
    await assert.rejects(hosts.createToken({ name: 'Web1', roles: ['viewer'] }), { code: 'state-conflict' })
    await assert.rejects(hosts.update({ name: 'Web1', roles: ['viewer'] }), { code: 'state-conflict' })
  })

  test('roles, addresses and sources change alone or together', async (fixture) => {
    const { hosts } = fixture
    await enrolled(fixture, 'web1', ['client'])
    await hosts.update({ name: 'web1', sources: ['web2', 'web2', '*'] })
    const changed = await hosts.update({ name: 'web1', roles: ['media-server'], addresses: ['[::1]:13724'] })
    assert.deepEqual(changed.sources, ['web2', '*'])
    assert.deepEqual(changed.roles, ['media-server'])
    assert.deepEqual(await hosts.get({ name: 'web1' }), changed)
    await assert.rejects(hosts.update({ name: 'web9', sources: [] }), { code: 'not-found' })
  })

  test('a name is revoked with all that it has, once; then it may go, or come back', async (fixture) => {
    const { hosts, enrolment, makeKey, secretOf } = fixture
    await enrolled(fixture, 'web1', ['client'])
    const { token } = await hosts.createToken({ name: 'web1', roles: ['client'] })
    await assert.rejects(hosts.remove({ name: 'web1' }), { code: 'state-conflict' })
    await hosts.revoke({ name: 'web1', reason: 'stolen' })
    await hosts.revoke({ name: 'web1', reason: 'again' })
    const { request } = await makeKey()
    await assert.rejects(enrolment.enrol({ token: secretOf(token), request }), { code: 'token-invalid' })
    const record = await hosts.get({ name: 'web1' })
    assert.equal(record?.state, 'revoked')
    assert.equal(record.revoked?.reason, 'stolen')
    assert.equal(record.certificate, undefined)
    await enrolled(fixture, 'web1', ['media-server'])
    const back = await hosts.get({ name: 'web1' })
    assert.equal(back?.state, 'enrolled')
    assert.equal(back.revoked, undefined)
    assert.deepEqual(back.roles, ['media-server'])
    await hosts.revoke({ name: 'web1', reason: 'sold' })
    await hosts.remove({ name: 'web1' })
    await hosts.remove({ name: 'web1' })
    assert.equal(await hosts.get({ name: 'web1' }), undefined)
    await assert.rejects(hosts.revoke({ name: 'web1', reason: 'gone' }), { code: 'not-found' })
  })

  test('a master is neither revoked nor made by a change of roles', async (fixture) => {
    const { hosts } = fixture
    await enrolled(fixture, 'master1', ['master'])
    await enrolled(fixture, 'web1', ['client'])
    await assert.rejects(hosts.revoke({ name: 'master1', reason: 'mistake' }), { code: 'state-conflict' })
    await assert.rejects(hosts.update({ name: 'master1', roles: ['client'] }), { code: 'state-conflict' })
    await assert.rejects(hosts.update({ name: 'web1', roles: ['client', 'master'] }), {
      code: 'state-conflict',
    })
  })
}

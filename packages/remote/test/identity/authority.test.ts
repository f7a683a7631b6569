import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createPowerLossStorage, createVirtualClock, type PowerLossStorage } from '@nb/test-kit'
import { type CertificateAuthority, openAuthority } from '../../src/identity/authority.ts'
import { dnsNameOf } from '../../src/identity/names.ts'
import { makeKey, publicKeyOf } from '../../src/identity/x509/keys.ts'
import { readRevocations } from '../../src/identity/x509/revocation-list.ts'
import { signOdd } from './certificates.ts'
import { directoryFixture, startOf2026, storageThatFailsAt } from './directory-fixture.ts'

const dayMs = 86_400_000

t.test('an authority is made once, for ten years, and is the same when it is opened again', async (t) => {
  const clock = createVirtualClock(startOf2026)
  const { files } = createPowerLossStorage()
  const first = await openAuthority({ clock, directory: '/authority', files })
  const second = await openAuthority({ clock, directory: '/authority', files })
  t.equal(second.certificate, first.certificate)
  t.match(first.fingerprint, /^[0-9a-f]{64}$/)
  const issued = await second.issue({
    name: 'web1',
    roles: ['client'],
    publicKey: publicKeyOf(await makeKey()),
  })
  t.equal(issued.notAfter, startOf2026 + 30 * dayMs)
  t.equal(issued.notBefore, startOf2026 - 3_600_000, 'for clocks that are slow')
  await clock.advance(3650 * dayMs)
  const last = await second.issue({
    name: 'web1',
    roles: ['client'],
    publicKey: publicKeyOf(await makeKey()),
  })
  t.ok(last.notAfter < clock.now() + 3 * dayMs, 'no certificate outlives the authority')
  await clock.advance(2 * dayMs)
  await t.rejects(openAuthority({ clock, directory: '/authority', files }), {
    code: 'identity-invalid',
    message: /ended/,
  })
})

t.test(
  'an authority that loses power at any moment while it is made is there whole or not at all',
  async (t) => {
    const clock = createVirtualClock(startOf2026)
    const open = ({ files }: PowerLossStorage): Promise<CertificateAuthority> =>
      openAuthority({ clock, directory: '/authority', files })
    const measured = createPowerLossStorage()
    const { fingerprint } = await open(measured)
    measured.lose()
    measured.restore()
    t.equal((await open(measured)).fingerprint, fingerprint, 'what was given is durable')
    for (let loseAt = 1; loseAt <= measured.operations; loseAt += 1) {
      const storage = storageThatFailsAt(loseAt)
      await open(storage).catch(() => undefined)
      if (!storage.lost) storage.lose()
      storage.restore()
      t.ok(await open(storage))
    }
  },
)

t.test('the key is for its owner alone', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'nb-authority-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  await openAuthority({ clock: createVirtualClock(startOf2026), directory: join(directory, 'a') })
  t.equal(statSync(join(directory, 'a')).mode & 0o777, 0o700)
  t.equal(statSync(join(directory, 'a', 'authority.pem')).mode & 0o777, 0o600)
})

t.test('what is not an authority is left as it is', async (t) => {
  const clock = createVirtualClock(startOf2026)
  const { files } = createPowerLossStorage()
  const { certificate } = await openAuthority({ clock, directory: '/one', files })
  for (const text of ['', certificate, (await makeKey()) + certificate, (await makeKey()) + 'x']) {
    await files.makeDirectory('/two')
    await files.remove('/two/authority.pem')
    const file = await files.open('/two/authority.pem', 'create')
    await file.write(Buffer.from(text), 0)
    await file.close()
    await t.rejects(openAuthority({ clock, directory: '/two', files }), { code: 'identity-invalid' })
    t.equal((await files.readFile('/two/authority.pem'))?.toString(), text)
  }
})

t.test('a list of another authority, or a changed one, is not believed', async (t) => {
  const [one, other] = [await directoryFixture(), await directoryFixture()]
  const nextUpdate = startOf2026 + dayMs
  const list = await one.authority.signRevocations({ revoked: [], number: 1, nextUpdate })
  t.same(await readRevocations(list, one.authority.certificate), {
    revoked: [],
    thisUpdate: startOf2026 - 3_600_000,
    nextUpdate,
  })
  for (const [pem, authority] of [
    [list, other.authority],
    [list.replace(/[A-Z]{3}\n/, 'AAA\n'), one.authority],
    ['', one.authority],
  ] as const)
    await t.rejects(readRevocations(pem, authority.certificate), { code: 'identity-invalid' })
})

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

t.test(
  'openssl verifies what is issued, and for nothing else',
  { skip: !hasOpenssl && 'no openssl here' },
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'nb-authority-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const { authority, storage } = await directoryFixture()
    const publicKey = publicKeyOf(await makeKey())
    const web1 = await authority.issue({
      name: 'web1.example.com',
      roles: ['client', 'media-server'],
      publicKey,
    })
    const alice = await authority.issue({ name: 'alice.smith', roles: ['operator'], publicKey })
    const sold = await authority.issue({ name: 'sold', roles: ['client'], publicKey })
    const list = await authority.signRevocations({
      revoked: [{ serial: sold.serial, revokedAt: startOf2026 }],
      number: 2,
      nextUpdate: startOf2026 + dayMs,
    })
    const pems = {
      authority: authority.certificate,
      web1: web1.certificate,
      alice: alice.certificate,
      sold: sold.certificate,
      list,
      // Names that its constraints forbid it: of this it is an authority for nobody.
      bank: (await signOdd(storage, { uris: [], dnsNames: ['bank.example.com'] })).certificate,
    }
    for (const [name, pem] of Object.entries(pems)) writeFileSync(join(directory, name), pem)
    const verify = (name: keyof typeof pems, ...options: readonly string[]): string => {
      const time = String(startOf2026 / 1000 + 60)
      const { status, stdout, stderr } = spawnSync(
        'openssl',
        [
          'verify',
          '-x509_strict',
          '-attime',
          time,
          '-CAfile',
          'authority',
          '-crl_check',
          '-CRLfile',
          'list',
          ...options,
          name,
        ],
        { cwd: directory, encoding: 'utf8' },
      )
      return status === 0 ? 'OK' : stdout + stderr
    }
    const host = dnsNameOf('web1.example.com')
    t.equal(verify('web1', '-purpose', 'sslserver', '-verify_hostname', host), 'OK')
    t.equal(verify('web1', '-purpose', 'sslclient'), 'OK')
    t.equal(verify('alice', '-purpose', 'sslclient'), 'OK')
    t.match(verify('alice', '-purpose', 'sslserver'), /unsuitable certificate purpose/)
    t.match(verify('web1', '-verify_hostname', 'web1.example.com'), /hostname mismatch/i)
    t.match(verify('sold'), /certificate revoked/)
    t.match(verify('bank'), /permitted subtree violation/)
    t.match(verify('web1', '-attime', String((startOf2026 + 31 * dayMs) / 1000)), /expired/)
    const text = execFileSync('openssl', ['x509', '-in', 'authority', '-noout', '-text'], {
      cwd: directory,
      encoding: 'utf8',
    })
    t.match(text, /CA:TRUE, pathlen:0/)
    t.match(text, /Certificate Sign, CRL Sign/)
  },
)

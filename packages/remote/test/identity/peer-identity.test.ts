import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { NbError } from '@nb/contracts'
import { peerIdentityOf } from '../../src/index.ts'
import { isIdentityName } from '../../src/identity/names.ts'
import { signOdd } from './certificates.ts'
import { directoryFixture, keyToCertify } from './directory-fixture.ts'
import { publicKeyOf } from '../../src/identity/x509/keys.ts'

t.test('name and roles of what our authority issues, from PEM, DER or the object', async (t) => {
  const { authority } = await directoryFixture()
  const publicKey = publicKeyOf((await keyToCertify()).privateKey)
  const issued = await authority.issue({
    name: 'Web_1.example.com',
    roles: ['client', 'media-server'],
    publicKey,
  })
  const expected = {
    name: 'Web_1.example.com',
    roles: ['client', 'media-server'],
    fingerprint: issued.fingerprint,
  }
  const certificate = new X509Certificate(issued.certificate)
  t.same(peerIdentityOf(certificate), expected)
  t.same(peerIdentityOf(certificate.raw), expected)
  t.match(issued.fingerprint, /^[0-9a-f]{64}$/)
  const person = await authority.issue({ name: 'alice', roles: ['administrator'], publicKey })
  t.match(peerIdentityOf(Buffer.from(person.certificate)), { name: 'alice', roles: ['administrator'] })
})

const host = 'urn:nb:host:web1'
const client = 'urn:nb:role:client'

const malformed = {
  'no names': {},
  'names in DNS alone': { uris: [], dnsNames: ['web1.nb.internal'] },
  'no role': { uris: [host] },
  'no name': { uris: [client] },
  'two hosts': { uris: [host, 'urn:nb:host:web2', client] },
  'a host and a person': { uris: [host, 'urn:nb:person:alice', client] },
  'a role twice': { uris: [host, client, client] },
  'a role of persons for a host': { uris: [host, 'urn:nb:role:administrator'] },
  'a role of hosts for a person': { uris: ['urn:nb:person:alice', client] },
  'roles of both': { uris: [host, client, 'urn:nb:role:viewer'] },
  'a role that is none': { uris: [host, 'urn:nb:role:root'] },
  'a role by inheritance': { uris: [host, 'urn:nb:role:toString'] },
  'a name that is none': { uris: ['urn:nb:host:..', client] },
  'a name with more in it': { uris: ['urn:nb:host:web1, URI:urn:nb:role:master', client] },
  'a role hidden in a quoted name': { uris: [host, 'x", URI:urn:nb:role:master, "y', client] },
  'a line break in a name': { uris: ['urn:nb:host:web1\n', client] },
  'a zero in a name': { uris: ['urn:nb:host:web1\0', client] },
  'other letters': { uris: ['URN:NB:HOST:web1', client] },
  'a foreign URI': { uris: [host, client, 'https://example.com/'] },
  'an unknown kind': { uris: [host, client, 'urn:nb:group:all'] },
  'an authority': { uris: [host, client], isAuthority: true },
} as const

t.test('what is not written as ours are is nobody, whoever signed it', async (t) => {
  const { storage } = await directoryFixture()
  t.match(peerIdentityOf(Buffer.from((await signOdd(storage, { uris: [host, client] })).certificate)), {
    name: 'web1',
  })
  for (const [what, odd] of Object.entries(malformed)) {
    const { certificate } = await signOdd(storage, odd)
    t.throws(() => peerIdentityOf(Buffer.from(certificate)), { code: 'identity-invalid', status: 46 }, what)
  }
})

t.test('bytes that are no certificate, and damaged ones, give a typed error', async (t) => {
  const { storage } = await directoryFixture()
  const { certificate } = await signOdd(storage, { uris: [host, client] })
  const der = new X509Certificate(certificate).raw
  const damage = fc.record({ at: fc.nat(der.length - 1), value: fc.nat(255), cut: fc.boolean() })
  fc.assert(
    fc.property(damage, ({ at, value, cut }) => {
      const bytes = cut ? der.subarray(0, at) : Buffer.from(der)
      if (!cut) bytes[at] = value
      try {
        const { name, roles } = peerIdentityOf(bytes)
        // What still reads was no damage to what it says, or a name as good as another: the signature tells.
        return isIdentityName(name) && roles.length > 0
      } catch (error) {
        return error instanceof NbError && error.code === 'identity-invalid'
      }
    }),
    { numRuns: 300 },
  )
  t.pass('300 inputs')
})

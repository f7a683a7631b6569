import { createHash, verify, X509Certificate } from 'node:crypto'
import { type Enrolment, type IssuedIdentity, NbError } from '@nb/contracts'
import { checkAddresses } from './directory-checks.ts'
import { type DirectoryState, toldCertificate } from './directory-state.ts'
import type { DirectoryChange, StoredCertificate, StoredHost } from './directory-store.ts'
import { loadX509 } from './load-x509.ts'
import { peerIdentityOf } from './peer-identity.ts'
import { hashOfSecret } from './token.ts'
import { pemTexts } from './x509/pem.ts'

/** The port of those who enrol and renew. */
export function enrolment(state: DirectoryState): Enrolment {
  const { store, clock, authority } = state
  const answer = async (certificate: string): Promise<IssuedIdentity> => ({
    certificate: certificate + authority.certificate,
    authorities: authority.certificate,
    revocations: await state.revocations(),
  })
  return {
    enrol: async ({ token: secret, request, addresses = [] }) => {
      checkAddresses(addresses)
      const publicKey = await (await loadX509()).readRequest(request)
      const key = hashOfKey(publicKey)
      return state.change(async () => {
        const host = await hostOfToken(state, secret)
        const { token } = host
        if (token.usedFor !== undefined) {
          const known = host.certificates.find((certificate) => certificate.key === key)
          if (token.usedFor !== key || known === undefined) throw tokenInvalid()
          return answer(known.pem)
        }
        const certificate = await certify(state, { ...host, roles: token.roles }, publicKey)
        const { revoked: _, ...rest } = host
        const change: DirectoryChange = {
          hosts: {
            [host.name]: {
              ...rest,
              roles: token.roles,
              addresses: merged(host.addresses, addresses),
              state: 'enrolled',
              certificates: [certificate],
              token: { ...token, usedFor: key },
            },
          },
        }
        await state.revoke(host.certificates, change)
        if (host.certificates.length > 0)
          state.events.emit('host:revoked', {
            name: host.name,
            fingerprints: host.certificates.map(({ fingerprint }) => fingerprint),
          })
        state.events.emit('host:enrolled', { name: host.name, certificate: toldCertificate(certificate) })
        return answer(certificate.pem)
      })
    },
    renew: async ({ certificate: shown, request, proof }) => {
      const publicKey = await (await loadX509()).readRequest(request)
      const key = hashOfKey(publicKey)
      return state.change(async () => {
        const host = await holderOf(state, { shown, request, proof })
        const repeated = host.certificates.find((certificate) => certificate.key === key)
        if (repeated !== undefined) return answer(repeated.pem)
        refuseTooSoon(state, host)
        const certificate = await certify(state, host, publicKey)
        const live = host.certificates.filter(({ notAfter }) => notAfter > clock.now())
        await store.write({ hosts: { [host.name]: { ...host, certificates: [...live, certificate] } } })
        state.events.emit('host:renewed', { name: host.name, certificate: toldCertificate(certificate) })
        return answer(certificate.pem)
      })
    },
    revocations: async () => ({ revocations: await state.change(() => state.revocations()) }),
  }
}

/** What the holder of a certificate signs to have the key of a request certified in its place. */
export function renewalText(request: string): Buffer {
  return Buffer.from(`nb-renew-1\n${request}`)
}

type InvitedHost = StoredHost & { readonly token: NonNullable<StoredHost['token']> }

async function hostOfToken({ store, clock }: DirectoryState, secret: string): Promise<InvitedHost> {
  const hash = hashOfSecret(secret)
  const name = await store.nameOfToken(hash)
  const host = name === undefined ? undefined : await store.host(name)
  if (host?.token?.hash !== hash || host.token.expiresAt <= clock.now()) throw tokenInvalid()
  return host as InvitedHost
}

/** The name's record, where the certificate is ours, of now, not revoked, and the sender's. */
async function holderOf(
  { store, clock, authority }: DirectoryState,
  { shown, request, proof }: { readonly shown: string; readonly request: string; readonly proof: string },
): Promise<StoredHost> {
  const [own] = pemTexts('CERTIFICATE', shown)
  const certificate = own === undefined ? undefined : parsed(own)
  if (certificate === undefined) throw identityInvalid('can not be read')
  if (!certificate.verify(new X509Certificate(authority.certificate).publicKey))
    throw identityInvalid('is not of this site’s authority')
  const { name, fingerprint } = peerIdentityOf(certificate)
  const isTheirs = verify('sha256', renewalText(request), certificate.publicKey, Buffer.from(proof, 'base64'))
  if (!isTheirs) throw identityInvalid('is not the sender’s: the proof is not signed with its key', name)
  if (Date.parse(certificate.validTo) <= clock.now())
    throw identityInvalid(`ended on ${new Date(certificate.validTo).toISOString()}`, name, 'CERT_HAS_EXPIRED')
  const host = await store.host(name)
  if (host === undefined) throw identityInvalid('names nobody that this site knows', name)
  const { revoked } = host
  if (revoked !== undefined)
    throw identityInvalid(
      `was revoked on ${new Date(revoked.at).toISOString()}: ${revoked.reason}`,
      name,
      'CERT_REVOKED',
    )
  if (!host.certificates.some((known) => known.fingerprint === fingerprint))
    throw identityInvalid('was revoked when the name enrolled anew', name, 'CERT_REVOKED')
  return host
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    return undefined
  }
}

/** New roles are worth a certificate at once; else one that renews in a loop would fill the store. */
function refuseTooSoon({ clock, renewalPauseMs }: DirectoryState, host: StoredHost): void {
  const newest = host.certificates.at(-1)
  if (newest === undefined || clock.now() >= newest.issuedAt + renewalPauseMs) return
  const { roles } = peerIdentityOf(new X509Certificate(newest.pem))
  if (roles.length !== host.roles.length || !roles.every((role) => host.roles.includes(role))) return
  throw new NbError(
    'state-conflict',
    `${host.name} got its certificate less than ${renewalPauseMs / 1000} s ago; renew it later`,
    { details: { name: host.name }, retryable: true },
  )
}

async function certify(
  { authority, clock }: DirectoryState,
  { name, roles }: StoredHost,
  publicKey: Buffer,
): Promise<StoredCertificate> {
  const { certificate, ...issued } = await authority.issue({ name, roles, publicKey })
  return { ...issued, pem: certificate, key: hashOfKey(publicKey), issuedAt: clock.now() }
}

function hashOfKey(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex')
}

/** What the administrator said comes first. */
function merged(given: readonly string[], told: readonly string[]): readonly string[] {
  return [...new Set([...given, ...told])].slice(0, 16)
}

/** Which of these it is is not told: whoever guesses learns nothing. */
function tokenInvalid(): NbError {
  return new NbError(
    'token-invalid',
    'the token is unknown, was used, or is out of date; ask the administrator for a new one',
    { remedy: 'Ask the administrator for a new token: nb host token NAME --role ROLE on the master.' },
  )
}

/** `reason` is OpenSSL's name of it, as where a connection is refused. */
function identityInvalid(why: string, name?: string, reason?: string): NbError {
  return new NbError(
    'identity-invalid',
    `the certificate${name === undefined ? '' : ` of ${name}`} ${why}; enrol again with a new token`,
    {
      details: { ...(name === undefined ? {} : { name }), ...(reason === undefined ? {} : { reason }) },
      remedy: `Have an administrator make a new token, nb host token ${name ?? 'NAME'} --role ROLE, and enrol with it again: nb host enrol.`,
    },
  )
}

import { X509Certificate } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { NbError } from '@nb/contracts'
import type { HostIdentity, Role } from '../identity/identity.ts'
import { peerIdentityOf } from '../identity/peer-identity.ts'
import { formatTlsAddress, type TlsAddress } from './tls-address.ts'
import { whenRevoked } from './when-revoked.ts'

/** What runs over a connection, by its name in the handshake (ALPN, RFC 7301). */
export const protocols = {
  /** Calls, over HTTP/1.1; also what a client that says nothing gets. */
  calls: 'http/1.1',
  /** One data channel. */
  data: 'nb-data/1',
} as const

/** Who is wanted at the other end; whoever else answers is not spoken to. */
export interface ExpectedPeer {
  /** The name in its certificate. @default any */
  readonly name?: string
  /** A role that it must have. @default any */
  readonly role?: Role
}

/** How long a connection may take until both sides know each other, milliseconds. */
export const handshakeMs = 15_000

/** The name of no host: who answers is told by its certificate, not by how it was reached. */
const serverName = 'nb.invalid'

/**
 * Opens a TLS 1.3 connection on which both sides prove who they are. Resolves only then, so that nobody else hears a word. Rejects with
 * `identity-invalid` where the peer could not prove who it is, or is another than is expected; the system's error where nobody answers;
 * the reason of `signal` once it aborts. A connection for calls is cut, with `identity-invalid`, when this host learns that the peer was revoked.
 */
export function dial(
  address: TlsAddress,
  protocol: (typeof protocols)[keyof typeof protocols],
  identity: HostIdentity,
  expected: ExpectedPeer,
  signal?: AbortSignal,
): Promise<TLSSocket> {
  const { certificate, privateKey, authorities, revocations } = identity.current()
  const place = formatTlsAddress(address)
  const socket = connect({
    host: address.host,
    port: address.port,
    servername: serverName,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [protocol],
    // Who enrols has none yet.
    ...(certificate === '' ? {} : { cert: certificate, key: privateKey }),
    ca: authorities,
    ...(revocations === undefined ? {} : { crl: revocations }),
    // Node asks this once the chain is proved; the names in a certificate of ours are not those of DNS.
    checkServerIdentity: (_host, { raw }) => unexpected(raw, expected, place),
  })
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 15_000)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer in ${handshakeMs / 1000} s`)),
      handshakeMs,
    )
    const giveUp = (): void => void socket.destroy(signal?.reason as Error)
    const settled = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
    }
    const failed = (error: Error): void => {
      settled()
      reject(explained(error, place))
    }
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      settled()
      socket.off('error', failed)
      resolve(socket)
      // Who opens a data channel says to its peer why it ends.
      if (protocol === protocols.calls)
        whenRevoked(socket, identity, (name) => socket.destroy(peerRevoked(name, place)))
    })
    if (signal?.aborted === true) giveUp()
    else signal?.addEventListener('abort', giveUp)
  })
}

function unexpected(der: Buffer, { name, role }: ExpectedPeer, address: string): Error | undefined {
  try {
    const peer = peerIdentityOf(new X509Certificate(der))
    const wrongName = name !== undefined && peer.name !== name
    if (!wrongName && (role === undefined || peer.roles.includes(role))) return undefined
    const wanted = wrongName ? name : `a ${role}`
    return new NbError(
      'identity-invalid',
      `${peer.name} (${peer.roles.join(', ')}) answers at ${address}, not ${wanted}; correct the address of ${wanted}`,
      {
        details: { address, peer: peer.name },
        remedy: `Correct the address of ${wanted}: ${peer.name} is at ${address}.`,
      },
    )
  } catch (error) {
    return error as Error
  }
}

const stranger = 'it is not of an authority that is trusted here; enrol at the same master'

const reasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired; renew it, or correct the clock of one of the hosts',
  CERT_NOT_YET_VALID: 'it is not valid yet; correct the clock of one of the hosts',
  CERT_REVOKED: 'it is revoked; enrol again',
  CRL_HAS_EXPIRED:
    'the list of what is revoked is out of date; the host that checks has to reach the master again',
  UNABLE_TO_GET_CRL:
    'its authority has given no list of what is revoked; the host that checks has to reach the master again',
  DEPTH_ZERO_SELF_SIGNED_CERT: stranger,
  SELF_SIGNED_CERT_IN_CHAIN: stranger,
  UNABLE_TO_GET_ISSUER_CERT: stranger,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: stranger,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: stranger,
  CERT_SIGNATURE_FAILURE: stranger,
}

/** Why a certificate was not accepted, by OpenSSL's name of the reason; `undefined` for what is no such name. */
export function whyUntrusted(code: string | undefined): string | undefined {
  return code === undefined ? undefined : reasons[code]
}

/** The error for a host that was spoken to until it was known to be revoked. */
function peerRevoked(name: string, address: string): NbError {
  return new NbError('identity-invalid', `the certificate of ${name} at ${address} was revoked`, {
    details: { address, peer: name },
    remedy: `Where ${name} is to come back, have it enrol again with a new token.`,
  })
}

const remedies: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED:
    'Correct the clocks of both hosts; where the certificate is too old, enrol its host again with a new token.',
  CERT_NOT_YET_VALID: 'Correct the clocks of both hosts.',
  CERT_REVOKED: 'Enrol the host whose certificate it is again, with a new token.',
  CRL_HAS_EXPIRED: 'Let the host that refuses reach the master again, and correct the clocks of both hosts.',
  UNABLE_TO_GET_CRL: 'Let the host that refuses reach the master again.',
}

/** What to do about a certificate that was not accepted, by OpenSSL's name of the reason. */
export function remedyOfUntrusted(code: string | undefined): string {
  const known = code === undefined ? undefined : remedies[code]
  return known ?? 'Use the master that this host enrolled at, or enrol it at that one.'
}

function explained(error: Error, address: string): Error {
  const why = whyUntrusted((error as NodeJS.ErrnoException).code)
  if (why === undefined) return error
  return new NbError(
    'identity-invalid',
    `what answers at ${address} showed a certificate that is refused: ${why}`,
    {
      details: { address },
      remedy: remedyOfUntrusted((error as NodeJS.ErrnoException).code),
      cause: error,
    },
  )
}

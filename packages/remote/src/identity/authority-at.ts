import { X509Certificate } from 'node:crypto'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import { type CallOptions, NbError } from '@nb/contracts'
import { fingerprintOf } from './peer-identity.ts'
import { toPem } from './x509/pem.ts'

/** Where to ask. */
export interface AuthorityAddress extends CallOptions {
  readonly host: string
  readonly port: number
  /** SHA-256 of the authority's certificate, from the token: 64 hexadecimal digits in lower case. */
  readonly fingerprint: string
  /** Milliseconds. @default 10000 */
  readonly timeoutMs?: number
}

/**
 * The certificate of the authority that a server shows, PEM, where it is the one of the fingerprint. Nothing is sent and nothing else that the
 * server shows is believed: whoever connects next trusts this authority alone. Rejects with `identity-invalid` for a server of
 * another authority, `server-unreachable`, `AbortError`.
 */
export async function authorityAt({
  host,
  port,
  fingerprint,
  signal,
  timeoutMs = 10_000,
}: AuthorityAddress): Promise<string> {
  signal?.throwIfAborted()
  const socket = connect({
    host,
    port,
    // Whom to trust is what is being found out; the fingerprint is looked at instead.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    timeout: timeoutMs,
  })
  const end = (): void => void socket.destroy(signal?.reason as Error)
  signal?.addEventListener('abort', end, { once: true })
  try {
    await connected(socket, `${host}:${port}`, timeoutMs)
    const found = shown(socket).find((certificate) => fingerprintOf(certificate) === fingerprint)
    if (found?.ca !== true)
      throw new NbError(
        'identity-invalid',
        `what answers at ${host}:${port} is not of the authority that the token is of: check the address, and whether the token is of this site`,
        { details: { address: `${host}:${port}` } },
      )
    return toPem('CERTIFICATE', found.raw)
  } finally {
    signal?.removeEventListener('abort', end)
    socket.destroy()
  }
}

function connected(socket: TLSSocket, address: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const unreachable = (why: string, cause?: unknown): void =>
      reject(
        new NbError('server-unreachable', `no TLS connection to ${address}: ${why}`, {
          details: { address },
          cause,
        }),
      )
    socket.once('secureConnect', resolve)
    socket.once('timeout', () => unreachable(`no answer within ${timeoutMs} ms`))
    socket.once('close', () => unreachable('it was closed'))
    socket.on('error', (error: Error) =>
      error.name === 'AbortError' ? reject(error) : unreachable(error.message, error),
    )
  })
}

/** The certificates that the server shows, its own first. */
function shown(socket: TLSSocket): X509Certificate[] {
  const found: X509Certificate[] = []
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (next?.raw !== undefined && found.length < 10) {
    found.push(new X509Certificate(next.raw))
    // A certificate that signed itself is its own issuer.
    next = next.issuerCertificate === next ? undefined : next.issuerCertificate
  }
  return found
}

import { constants } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { type Clock, type Logger, NbError } from '@nb/contracts'
import type { HostIdentity, PeerIdentity } from '../identity/identity.ts'
import { peerIdentityOf } from '../identity/peer-identity.ts'
import { handshakeMs, protocols, whyUntrusted } from './dial.ts'

/** Who is at the other end of a connection: somebody proved, nobody (no certificate at all), or why what was shown is refused. */
export type Caller = PeerIdentity | 'nobody' | NbError

/** What a {@link createTlsServer} works with. */
export interface TlsServerParts {
  readonly identity: HostIdentity
  readonly clock: Clock
  readonly log: Logger
  /** Takes over a connection for a data channel. Only those whose peer is proved come here. */
  readonly takeData: (socket: TLSSocket, peer: PeerIdentity) => void
}

/** How many connections without a certificate may be there at once: hosts that enrol. */
const mostStrangers = 64
/** How long such a connection may live, milliseconds. */
const strangerMs = 60_000

/** A TLS 1.3 server on which connections go their ways: calls to the HTTP server that it is, data channels to who takes them. */
export interface TlsServer {
  readonly server: Server
  /** Who made a connection. */
  readonly callerOf: (socket: TLSSocket) => Caller
  /** Cuts the connections of data channels that nobody took, and lets go of the identity. */
  readonly close: () => void
}

/**
 * Makes one; it doesn't listen yet. Certificates are asked for and checked, and not having one, or a bad one, doesn't end the
 * connection: a host that enrols has none, and who has a bad one is told why.
 */
export function createTlsServer({ identity, clock, log, takeData }: TlsServerParts): TlsServer {
  const callers = new WeakMap<TLSSocket, Caller>()
  const server = createServer({
    ...contextOf(identity),
    minVersion: 'TLSv1.3',
    // Every connection proves itself anew, so that what has been revoked since is noticed.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ALPNProtocols: [protocols.calls, protocols.data],
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: handshakeMs,
    headersTimeout: 15_000,
    requestTimeout: 60_000,
    keepAliveTimeout: 120_000,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
  })
  const forget = identity.onChange(() => server.setSecureContext(contextOf(identity)))
  const [toHttp] = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  if (toHttp === undefined) throw new Error('the HTTPS server of this Node.js has another form than is known')
  server.off('secureConnection', toHttp)
  let strangers = 0
  server.on('secureConnection', (socket: TLSSocket) => {
    const caller = identify(socket)
    callers.set(socket, caller)
    if (isProved(caller)) {
      if (socket.alpnProtocol === protocols.data) takeData(socket, caller)
      else toHttp.call(server, socket)
      return
    }
    log('%s is not proved: %s', socket.remoteAddress, caller === 'nobody' ? 'no certificate' : caller.message)
    if (socket.alpnProtocol === protocols.data || strangers >= mostStrangers) {
      socket.destroy()
      return
    }
    strangers += 1
    const cancel = clock.setTimer(strangerMs, () => socket.destroy())
    socket.once('close', () => {
      strangers -= 1
      cancel()
    })
    toHttp.call(server, socket)
  })
  server.on('tlsClientError', (error, socket) => {
    log('%s did not finish its handshake: %s', socket.remoteAddress, error.message)
    socket.destroy()
  })
  return { server, callerOf: (socket) => callers.get(socket) ?? 'nobody', close: forget }
}

/** Whether somebody has proved who it is. */
export function isProved(caller: Caller): caller is PeerIdentity {
  return caller !== 'nobody' && !(caller instanceof NbError)
}

function identify(socket: TLSSocket): Caller {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'nobody'
  try {
    if (socket.authorized) return peerIdentityOf(certificate)
  } catch (error) {
    if (error instanceof NbError) return error
    throw error
  }
  // The types say an Error; it is OpenSSL's name of the reason.
  const reason = String(socket.authorizationError)
  return new NbError(
    'identity-invalid',
    `the certificate that you showed is refused: ${whyUntrusted(reason) ?? reason}`,
    { details: { reason } },
  )
}

function contextOf(identity: HostIdentity) {
  const { certificate, privateKey, authorities, revocations } = identity.current()
  return {
    cert: certificate,
    key: privateKey,
    ca: authorities,
    ...(revocations === undefined ? {} : { crl: revocations }),
  }
}

import { constants, X509Certificate } from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Clock, type Logger, NbError } from '@nb/contracts'
import type { HostIdentity, PeerIdentity, Role } from '../identity/identity.ts'
import { peerIdentityOf } from '../identity/peer-identity.ts'
import { Crowd } from './crowd.ts'
import { handshakeMs, protocols, remedyOfUntrusted, whyUntrusted } from './dial.ts'
import { whenRevoked } from './when-revoked.ts'

/** Who is at the other end of a connection: somebody proved, nobody (no certificate at all), or why what was shown is refused. */
export type Caller = PeerIdentity | 'nobody' | NbError

/** What a {@link createTlsServer} works with. */
export interface TlsServerParts {
  readonly identity: HostIdentity
  readonly clock: Clock
  readonly log: Logger
  /** Takes over a connection for a data channel. Only those whose peer is proved come here. */
  readonly takeData: (socket: TLSSocket, peer: PeerIdentity) => void
  /** How many connections the holder of a name may have at once. */
  readonly mostConnections: number
}

/** How many connections may be in their handshake at once: those of a whole site that comes back. */
const mostHandshakes = 2048
/** How many connections of callers that are not proved may be there at once: hosts that enrol, and what is told why it is refused. */
const mostStrangers = 256
/** How long such a connection may live, milliseconds. */
const strangerMs = 60_000
/** Whoever works for many others has sixteen times as many connections: a few for each session. */
const busyRoles: ReadonlySet<Role> = new Set(['master', 'media-server'])
/** How long the connection of a host that was revoked stays to say so to what was under way, and to what it still asks, milliseconds. */
const lastAnswersMs = 1000
/** How many connections the holder of a name may have at once, unless it is told otherwise. */
export const usualConnections = 256

/** A TLS 1.3 server on which connections go their ways: calls to the HTTP server that it is, data channels to who takes them. */
export interface TlsServer {
  readonly server: Server
  /** Who made a connection. */
  readonly callerOf: (socket: TLSSocket) => Caller
  /** Aborts when the caller is one no more, with the error that its calls under way end with. */
  readonly goodUntil: (socket: TLSSocket) => AbortSignal | undefined
  /** Cuts the connections of data channels that nobody took, and lets go of the identity. */
  readonly close: () => void
}

/**
 * Makes one; it doesn't listen yet. Certificates are asked for and checked, and not having one, or a bad one, doesn't end the
 * connection: a host that enrols has none, and who has a bad one is told why.
 */
export function createTlsServer({
  identity,
  clock,
  log,
  takeData,
  mostConnections,
}: TlsServerParts): TlsServer {
  const callers = new WeakMap<TLSSocket, Caller>()
  const endings = new WeakMap<TLSSocket, AbortSignal>()
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
    // How often it is looked for requests that take longer.
    connectionsCheckingInterval: 5000,
    keepAliveTimeout: 120_000,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
  })
  const forget = identity.onChange(() => server.setSecureContext(contextOf(identity)))
  const [toHttp] = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[]
  if (toHttp === undefined) throw new Error('the HTTPS server of this Node.js has another form than is known')
  server.off('secureConnection', toHttp)
  // Who is slow is ended by those that come after it, so that nobody who stays away from his handshake keeps others out.
  const handshakes = new Crowd<Socket>(mostHandshakes, (socket) => socket.destroy())
  const inHandshake = new Map<string, Socket>()
  const handshakeOver = (end: string): void => {
    const raw = inHandshake.get(end)
    if (raw === undefined) return
    inHandshake.delete(end)
    handshakes.delete(raw)
  }
  server.on('connection', (raw: Socket) => {
    const end = farEndOf(raw)
    inHandshake.set(end, raw)
    handshakes.add(raw)
    raw.once('close', () => inHandshake.get(end) === raw && handshakeOver(end))
  })
  const strangers = new Crowd<TLSSocket>(mostStrangers, (socket) => socket.destroy())
  const connections = new Map<string, number>()
  const countIn = (socket: TLSSocket, { name, roles }: PeerIdentity): NbError | undefined => {
    const count = (connections.get(name) ?? 0) + 1
    const most = roles.some((role) => busyRoles.has(role)) ? mostConnections * 16 : mostConnections
    if (count > most) return tooMany(name, most)
    connections.set(name, count)
    socket.once('close', () => {
      const left = (connections.get(name) ?? 1) - 1
      if (left > 0) connections.set(name, left)
      else connections.delete(name)
    })
    return undefined
  }
  const takeCalls = (socket: TLSSocket): void => {
    const ending = new AbortController()
    endings.set(socket, ending.signal)
    toHttp.call(server, socket)
    whenRevoked(socket, identity, (name) => {
      log('%s at %s was revoked', name, socket.remoteAddress)
      const refusal = refused(identity, 'CERT_REVOKED')
      callers.set(socket, refusal)
      ending.abort(refusal)
      const cancel = clock.setTimer(lastAnswersMs, () => socket.destroy())
      socket.once('close', cancel)
    })
  }
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakeOver(farEndOf(socket))
    const identified = identify(socket, identity)
    const caller = isProved(identified) ? (countIn(socket, identified) ?? identified) : identified
    callers.set(socket, caller)
    if (isProved(caller)) {
      if (socket.alpnProtocol === protocols.data) takeData(socket, caller)
      else takeCalls(socket)
      return
    }
    log('%s is not let in: %s', socket.remoteAddress, caller === 'nobody' ? 'no certificate' : caller.message)
    if (socket.alpnProtocol === protocols.data) {
      socket.destroy()
      return
    }
    strangers.add(socket)
    const cancel = clock.setTimer(strangerMs, () => socket.destroy())
    socket.once('close', () => {
      strangers.delete(socket)
      cancel()
    })
    toHttp.call(server, socket)
  })
  server.on('tlsClientError', (error, socket) => {
    log('%s did not finish its handshake: %s', socket.remoteAddress, error.message)
    socket.destroy()
  })
  return {
    server,
    callerOf: (socket) => callers.get(socket) ?? 'nobody',
    goodUntil: (socket) => endings.get(socket),
    close: forget,
  }
}

/** Whether somebody has proved who it is. */
export function isProved(caller: Caller): caller is PeerIdentity {
  return caller !== 'nobody' && !(caller instanceof NbError)
}

/** What tells a connection from all others that are here. */
function farEndOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function tooMany(name: string, most: number): NbError {
  return new NbError(
    'access-denied',
    `${name} has ${most} connections to this host, as many as one may have; close some`,
    {
      details: { name, most },
      retryable: true,
      remedy: `Close some connections of ${name}, or wait until they end, and try again.`,
    },
  )
}

function identify(socket: TLSSocket, own: HostIdentity): Caller {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'nobody'
  try {
    if (socket.authorized) return peerIdentityOf(certificate)
  } catch (error) {
    if (error instanceof NbError) return error
    throw error
  }
  // The types say an Error; it is OpenSSL's name of the reason.
  return refused(own, String(socket.authorizationError))
}

/** Tells a caller that its certificate is refused here, and why. */
function refused(own: HostIdentity, reason: string): NbError {
  const { name } = peerIdentityOf(new X509Certificate(own.current().certificate))
  return new NbError(
    'identity-invalid',
    `${name} refuses the certificate that it was shown: ${whyUntrusted(reason) ?? reason}`,
    { details: { reason }, remedy: remedyOfUntrusted(reason) },
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

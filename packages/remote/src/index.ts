/**
 * Every port of `nb` over a wire. What {@link serve} gets at one end of a socket, {@link connect} gives at the other:
 * the same ports, with the same errors, streams and signals.
 *
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import type { JobLog } from '@nb/contracts'
 * import { connect, serve } from '@nb/remote'
 *
 * const jobLog: JobLog = {
 *   append: async ({ jobId, lines }) => lines.forEach(({ text }) => console.log(`job ${jobId}: ${text}`)),
 * }
 * const socketPath = join(mkdtempSync(join(tmpdir(), 'nb-')), 'nb.sock')
 * const server = await serve({ jobLog }, { socketPath })
 *
 * const there = await connect({ socketPath })
 * const line = { time: Date.now(), component: 'example', severity: 'info', text: 'hello' } as const
 * await there.jobLog.append({ jobId: '12', lines: [line] }) // job 12: hello
 * there.close()
 * await server.stop()
 * ```
 *
 * {@link createWireTwin} puts ports behind a real TLS connection inside one process, so that a conformance suite proves that nothing passes
 * a port which can't travel. Bytes go over data channels: {@link createLocalChannels} inside a process,
 * {@link createSocketChannels} between processes, {@link createTlsChannels} between hosts.
 *
 * @packageDocumentation
 */
export {
  createLocalChannels,
  createLocalPair,
  type LocalChannelsComponents,
} from './channels/local-channels.ts'
export { type ChannelTwins, type ChannelTwinsComponents, createChannelTwins } from './twins/channel-twins.ts'
export { createWireTwin, type WireTwin, type WireTwinOptions } from './twins/wire-twin.ts'
export { type ApiDocument, describePorts } from './api/open-api.ts'
export type { JsonSchema } from './api/schema-components.ts'
export { portNames, type PortName, type Ports } from './contracts/ports.ts'
export type { AccessControl, HostCall, RefusedRequest } from './access/access.ts'
export {
  type CommonServeOptions,
  type PortServer,
  serve,
  type ServeOptions,
  type TlsPortServer,
  type TlsServeOptions,
} from './serve.ts'
export {
  connect,
  type Connection,
  type ConnectOptions,
  type ConnectPatience,
  type HostPortsConnection,
  portsAt,
  type TlsConnectOptions,
} from './connect.ts'
export { enrolAt, type Enrolling } from './hosts/enrol-at.ts'
export { followAddresses, type FollowedAddresses } from './hosts/follow-addresses.ts'
export type { MasterEvents } from './hosts/follow-master.ts'
export type { ExpectedSelf } from './identity/check-own.ts'
export { openHost, type HostComponents, type OpenedHost, type OpenHostOptions } from './hosts/open-host.ts'
export { openSite, type Site, type SiteComponents, type SiteOptions } from './hosts/open-site.ts'
export {
  locateHosts,
  type LocatedHosts,
  type LocateHostsComponents,
  type LocateHostsOptions,
} from './hosts/locate-hosts.ts'
export {
  type AddressBook,
  reachHosts,
  type ReachedHosts,
  type ReachHostsComponents,
  type ReachHostsOptions,
} from './hosts/reach-hosts.ts'
export type { ServerInfo } from './calls/server-info.ts'
export type { CallEnded, PortCall } from './wire/serve-port.ts'
export type { ExpectedPeer } from './tls/dial.ts'
export {
  createTlsChannels,
  type TlsChannels,
  type TlsChannelsComponents,
  type TlsChannelsOptions,
} from './tls/tls-channels.ts'
export { defaultPort } from './tls/tls-address.ts'
export {
  createSocketChannels,
  type SocketChannels,
  type SocketChannelsComponents,
  type SocketChannelsOptions,
} from './channels/socket-channels.ts'
export {
  type HostIdentity,
  type IdentityMaterial,
  type PeerIdentity,
  peerIdentityOf,
} from './identity/identity.ts'
export {
  type CertificateAuthority,
  type CertificateAuthorityComponents,
  type CertificateAuthorityOptions,
  type CertificateOrder,
  type IssuedCertificate,
  openAuthority,
} from './identity/authority.ts'
export { dnsNameOf, identityDomain } from './identity/names.ts'
export { authorityAt, type AuthorityAddress } from './identity/authority-at.ts'
export type { IdentityDirectoryComponents, IdentityDirectoryOptions } from './identity/directory-state.ts'
export { enrolHost, type EnrolComponents, type EnrolRequest } from './identity/enrol-host.ts'
export { renewalText } from './identity/enrolment.ts'
export {
  type HostIdentityComponents,
  type HostIdentityEvents,
  type HostIdentityOptions,
  type KeptIdentity,
  openHostIdentity,
} from './identity/host-identity.ts'
export { createIdentityDirectory, type IdentityDirectory } from './identity/identity-directory.ts'
export type { OwnIdentity } from './identity/identity-files.ts'
export { type EnrolmentToken, parseToken, printToken } from './identity/token.ts'
export type { Revocation } from './identity/x509/revocation-list.ts'
export { createAccessControl, type AccessControlComponents } from './access/access-control.ts'
export type { FactSources } from './access/gather-facts.ts'
export { type AuditLogComponents, type AuditLogOptions, createAuditLog } from './access/audit-log.ts'
export { strangerTo } from './identity/stranger.ts'

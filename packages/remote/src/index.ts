/**
 * Every port of nb over a wire: calls, data channels, host identity.
 *
 * @packageDocumentation
 */
export {
  createLocalChannels,
  createLocalPair,
  type LocalChannelsComponents,
} from './channels/local-channels.ts'
export { createWireTwin, twinOf, type WireTwin, type WireTwinOptions } from './wire-twin.ts'
export { portNames, type PortName, type Ports } from './contracts/ports.ts'
export { serve, type PortServer, type ServeOptions } from './socket/serve.ts'
export { connect, type Connection, type ConnectOptions } from './socket/connect.ts'
export type { ServerInfo } from './socket/server-info.ts'
export {
  createSocketChannels,
  type SocketChannels,
  type SocketChannelsComponents,
  type SocketChannelsOptions,
} from './channels/socket-channels.ts'

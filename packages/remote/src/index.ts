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

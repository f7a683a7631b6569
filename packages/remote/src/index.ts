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

/**
 * The data movers: the client agent that walks, reads and extracts, and the media server sessions.
 *
 * @packageDocumentation
 */
export {
  createMediaServer,
  type ByName,
  type LocalMediaServer,
  type MediaServerComponents,
  type MediaServerOptions,
} from './media/media-server.ts'
export { createBlockRing, type BlockRing, type BlockRingOptions } from './media/block-ring.ts'
export {
  createClientAgent,
  type ClientAgentComponents,
  type ClientAgentOptions,
  type LocalClientAgent,
} from './client/client-agent.ts'

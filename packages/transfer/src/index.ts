/**
 * The data movers: the client agent that walks, reads and extracts, and the media server sessions.
 *
 * @packageDocumentation
 */
export {}

/**
 * Every byte nb leaves at rest, as pure encoders and decoders: archive stream, file list, fragment and media headers.
 *
 * @packageDocumentation
 */
export {}

/**
 * Every byte at rest: pure encode and decode, no I/O, no clock, bounded memory, hostile input gives `FormatError`.
 *
 * ```ts
 * import { ArchiveParser, END_OF_ARCHIVE, encodeMember } from '@nb/formats'
 *
 * const header = encodeMember({
 *   path: Buffer.from('greeting.txt'), kind: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes: 512, mtimeNs: 1n,
 * })
 * const parser = new ArchiveParser()
 * parser.push(Buffer.concat([header, Buffer.alloc(512, 'hello '), END_OF_ARCHIVE]), {
 *   onMember: (member, streamOffset) => console.log(streamOffset, member.path.toString(), member.sizeBytes),
 *   onData: (chunk, offset) => console.log(`${chunk.length} bytes at ${offset}`),
 *   onMemberEnd: () => console.log('end of member'),
 *   onEndOfArchive: () => console.log('end of archive'),
 * })
 * parser.finish()
 * ```
 *
 * Four formats. Three are specified byte by byte in `docs/design/formats.md`: the **archive stream** (POSIX pax tar), the
 * **file list** (`nb-files/1`) and the **disk fragment** (`nb-disk/1`; compressed, `nb-disk/2`). The **tape** (`nb-tape/1`) is
 * in `docs/design/tape-format.md`.
 *
 * @packageDocumentation
 */
export { FormatError } from './format-error.ts'
export type { FormatErrorCode } from './format-error.ts'
export { instantOf, isListableTime, nearestListableTime, sameInstant, timeNsOf } from './instant.ts'
export type { Instant } from './instant.ts'
// The archive stream: what a member is, writing its header, reading a stream.
export {
  END_OF_ARCHIVE,
  MAX_EXTENDED_HEADER_BYTES,
  MAX_SPARSE_REGIONS,
  TAR_BLOCK_BYTES,
  memberDataBytes,
  memberPathOf,
  paddingOf,
} from './archive/member.ts'
export type { ArchiveMember, DataRegion, ExtendedAttribute, MemberKind } from './archive/member.ts'
export { alignRegions } from './archive/sparse-map.ts'
export {
  encodeHeaderInto,
  encodeMember,
  encodeMemberInto,
  maxMemberHeaderBytes,
} from './archive/encode-member.ts'
export type { HeaderFields } from './archive/header-fields.ts'
export { ArchiveParser } from './archive/parser.ts'
export type { ArchiveParserOptions, ArchiveSink } from './archive/parser.ts'
// The file list: records in order of paths, written in batches, read whole or by lookup through the index.
export { FILE_FLAGS } from './file-list/record.ts'
export type { BatchFrame, FileIdentity, FileListHeader, FileRecord } from './file-list/record.ts'
export { ListEntry } from './file-list/list-entry.ts'
export { comparePaths, isWithin } from './file-list/path-order.ts'
export { FileListEncoder } from './file-list/encoder.ts'
export type { FileListEncoderOptions } from './file-list/encoder.ts'
export { decodeFileListHeader, peekBatch, scanBatches } from './file-list/frame.ts'
export type { ScannedBatches } from './file-list/frame.ts'
export { decodeBatch, findInBatch, findInRun, scanPaths } from './file-list/decode-batch.ts'
export { BatchCursor } from './file-list/batch-cursor.ts'
export type { FileListEntry } from './file-list/batch-cursor.ts'
export { FileListDecoder } from './file-list/decoder.ts'
export type { FileListSink, WholeBatch } from './file-list/decoder.ts'
export { CarriedBatch } from './file-list/carried-batch.ts'
export { batchWithoutFront } from './file-list/without-front.ts'
export type { OpenBatch } from './file-list/frame.ts'
export {
  decodeFileListIndex,
  encodeFileListIndex,
  findBatch,
  groupBatches,
  subtreeBatches,
} from './file-list/sparse-index.ts'
export type { BatchRange, FileListIndex } from './file-list/sparse-index.ts'
export { FileListRuns } from './file-list/run-index.ts'
// The disk fragment: header, checksums of the payload, trailer with footer.
export { BLOCK_BYTES, BLOCK_CHECKSUM_BYTES, FOOTER_BYTES, HEADER_BYTES } from './fragment/fragment.ts'
export type { FragmentFooter, FragmentHeader, TrailerMember } from './fragment/fragment.ts'
export {
  MAX_HEADER_BYTES,
  decodeFragmentHeader,
  encodeFragmentHeader,
  framedHeader,
  framedHeaderBytes,
  headerMemberOf,
} from './fragment/header.ts'
export { BlockChecksums, checkBlock } from './fragment/block-checksums.ts'
export { FragmentTrailerEncoder, encodeFragmentTrailer } from './fragment/trailer.ts'
export type { FragmentTrailer, FragmentTrailerOptions, TrailerName } from './fragment/trailer.ts'
export {
  MAX_FOOTER_BYTES,
  checkTrailerMember,
  decodeFragmentFooter,
  footerMemberOf,
} from './fragment/footer.ts'
export type { FooterOptions } from './fragment/footer.ts'
// Compressed fragments: frames that stand for themselves, and the index that finds them.
export { MAX_FRAME_BYTES, frameFault, maxStoredBytes } from './compression/compression.ts'
export type { FrameFacts, FrameFormat } from './compression/compression.ts'
export { compressFrame, compressionUnsupported, decompressFrame } from './compression/codec.ts'
export { FRAME_ENTRY_BYTES, FrameIndex, FrameIndexWriter } from './compression/frame-index.ts'
export type { FramePlace } from './compression/frame-index.ts'
export { FrameReader } from './compression/frame-reader.ts'
export type { FrameAsStored, FrameSource, LostStream } from './compression/frame-reader.ts'
export {
  STORED_FRAME_BYTES,
  STORED_FRAME_EDGES,
  frameFormatOf,
  storedFrameContent,
  storedFrames,
  storedFramesBytes,
} from './compression/stored-frame.ts'
// The tape: label and self-description, fragments as tape files, multiplexed files, the end; whose tape it is.
export {
  FIRST_FRAGMENT_FILE,
  MAX_STREAMS_AT_ONCE,
  MAX_STREAM_NUMBER,
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  TAPE_FORMAT,
} from './tape/tape.ts'
export type {
  MultiplexFooter,
  MultiplexHeader,
  TapeEnd,
  TapeFragmentFooter,
  TapeFragmentHeader,
  TapeIdentity,
  TapePlace,
  TapeStream,
  TapeVolume,
} from './tape/tape.ts'
export { TAPE_LABEL_BYTES, decodeTapeLabel, encodeTapeLabel } from './tape/label.ts'
export { TAPE_README } from './tape/read-me.ts'
export { decodeTapeVolume, encodeTapeReadme, encodeTapeVolume } from './tape/volume.ts'
export { beginsWithTapeMember, checkTapePlace, tapeBlockChecksum } from './tape/json-block.ts'
export type { TapeMember } from './tape/json-block.ts'
export { decodeTapeFragmentHeader, encodeTapeFragmentHeader } from './tape/header.ts'
export { fillAfter, filledBlocks } from './tape/fill.ts'
export { PLACE_BYTES, encodeTapeTrailer } from './tape/trailer.ts'
export type { TapeTrailer, TapeTrailerName } from './tape/trailer.ts'
export { checkTapeFooter, decodeTapeFragmentFooter } from './tape/footer.ts'
export { decodeTapeEnd, encodeTapeEnd } from './tape/end.ts'
export {
  decodeMultiplexFooter,
  decodeMultiplexHeader,
  encodeMultiplexFooter,
  encodeMultiplexHeader,
} from './tape/multiplex.ts'
export { decodeStreamBlock, encodeStreamBlock } from './tape/stream-block.ts'
export type { StreamBlock, StreamBlockIdentity } from './tape/stream-block.ts'
export { proveTapeEnd, proveTapeFile } from './tape/proof.ts'
export type { WholeTapeFile } from './tape/proof.ts'
export { recogniseTape } from './tape/recognise.ts'
export type { ForeignTape, TapeContent, TapeRead } from './tape/recognise.ts'

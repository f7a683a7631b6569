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
 * Three formats, each specified byte by byte in `docs/design/formats.md`: the **archive stream** (POSIX pax tar), the
 * **file list** (`nb-files/1`) and the **disk fragment** (`nb-disk/1`).
 *
 * @packageDocumentation
 */
export { FormatError } from './format-error.ts'
export type { FormatErrorCode } from './format-error.ts'
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
// encodeMember(member): Buffer
// encodeMemberInto(member, target: Buffer, offset: number): number   bytes written
// maxMemberHeaderBytes(member): number                               upper bound, cheap
// alignRegions(regions, sizeBytes): DataRegion[]   whole blocks, as ArchiveMember.sparse wants them
export { alignRegions } from './archive/sparse-map.ts'
export { encodeMember, encodeMemberInto, maxMemberHeaderBytes } from './archive/encode-member.ts'
// new ArchiveParser({ streamOffset? }); push(chunk, sink); skipTo(streamOffset); atMemberBoundary; streamOffset;
// finish({ requireEndOfArchive? })
// ArchiveSink { onMember(member, streamOffset); onData(chunk, dataOffset); onMemberEnd(); onEndOfArchive() }
export { ArchiveParser } from './archive/parser.ts'
export type { ArchiveParserOptions, ArchiveSink } from './archive/parser.ts'
export { FILE_FLAGS } from './file-list/record.ts'
export type { BatchFrame, FileIdentity, FileListHeader, FileRecord } from './file-list/record.ts'
// comparePaths(a, b): number (<0, 0, >0); isWithin(path, directory): boolean
export { comparePaths, isWithin } from './file-list/path-order.ts'
// new FileListEncoder({ images, digestAlgorithm?, batchBytes? }); header(): Buffer; add(record): Buffer | undefined;
// flush(): Buffer | undefined; get entryCount()
export { FileListEncoder } from './file-list/encoder.ts'
export type { FileListEncoderOptions } from './file-list/encoder.ts'
// decodeFileListHeader(bytes): { header, byteLength }; scanBatches(bytes, baseOffset?): { batches, consumedBytes }
export { decodeFileListHeader, scanBatches } from './file-list/frame.ts'
export type { ScannedBatches } from './file-list/frame.ts'
// decodeBatch(batch): FileRecord[]; scanPaths(batch, visit(path view, entryIndex) => boolean | void);
// findInBatch(batch, path): FileRecord | undefined
export { decodeBatch, findInBatch, scanPaths } from './file-list/decode-batch.ts'
// new FileListDecoder(); push(chunk, sink: { onHeader?(header), onBatch?(frame), onRecord?(record) }); finish()
export { FileListDecoder } from './file-list/decoder.ts'
export type { FileListSink } from './file-list/decoder.ts'
// encodeFileListIndex({ batches, entryCount, fileListBytes }): Buffer; decodeFileListIndex(bytes): FileListIndex
// findBatch(index, path): number (-1: before the first); subtreeBatches(index, directory): { first, end }
export {
  decodeFileListIndex,
  encodeFileListIndex,
  findBatch,
  subtreeBatches,
} from './file-list/sparse-index.ts'
export type { BatchRange, FileListIndex } from './file-list/sparse-index.ts'
export { BLOCK_BYTES, BLOCK_CHECKSUM_BYTES, FOOTER_BYTES, HEADER_BYTES } from './fragment/fragment.ts'
export type { FragmentFooter, FragmentHeader, TrailerMember } from './fragment/fragment.ts'
// encodeFragmentHeader(header): Buffer (8192); decodeFragmentHeader(bytes): FragmentHeader
export { decodeFragmentHeader, encodeFragmentHeader } from './fragment/header.ts'
// new BlockChecksums(blockBytes?); update(chunk); finish(): Buffer; checkBlock(block, checksums, blockIndex): void throws
export { BlockChecksums, checkBlock } from './fragment/block-checksums.ts'
// encodeFragmentTrailer({ header: Buffer, payloadBytes, endsAtMemberBoundary, lastFragment, image: unknown (JSON),
//   files: readonly Uint8Array[], blocks: Buffer }): Buffer[]     in memory
// new FragmentTrailerEncoder({ header, payloadBytes, endsAtMemberBoundary, lastFragment }): open(name, sizeBytes): Buffer;
//   write(chunk); close(): Buffer; footer(): Buffer               streaming, for a long .nb/FILES
export { FragmentTrailerEncoder, encodeFragmentTrailer } from './fragment/trailer.ts'
export type { FragmentTrailer, FragmentTrailerOptions } from './fragment/trailer.ts'
// decodeFragmentFooter(lastBytes, { fileBytes? }): FragmentFooter; checkTrailerMember(data, member): void throws
export { checkTrailerMember, decodeFragmentFooter } from './fragment/footer.ts'

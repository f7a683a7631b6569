import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import {
  ArchiveParser,
  FileListDecoder,
  FrameIndex,
  HEADER_BYTES,
  STORED_FRAME_EDGES,
  checkBlock,
  checkTrailerMember,
  decodeFileListHeader,
  decodeFileListIndex,
  decodeFragmentFooter,
  decodeFragmentHeader,
  decompressFrame,
  frameFormatOf,
  framedHeaderBytes,
} from '../src/index.ts'
import type { FileRecord } from '../src/index.ts'
import { Collector } from './support/archive.ts'
import {
  fragment,
  goldenArchive,
  goldenCompressed,
  goldenFileList,
  goldenFragment,
  goldenIndex,
  goldenIndexBytes,
  members,
  records,
} from './support/golden.ts'

// What was written once is read for ever. `--write` makes files that are missing, never one that is there.

function golden(name: string, make: () => Buffer): Buffer {
  const file = new URL(`./golden/${name}`, import.meta.url)
  if (process.argv.includes('--write') && !existsSync(file)) writeFileSync(file, make())
  return readFileSync(file)
}

const list = golden('nb-files-1.bin', goldenFileList)
const headerBytes = decodeFileListHeader(list).byteLength

t.test('archive stream 1', (t) => {
  const bytes = golden('archive-1.bin', goldenArchive)
  const collector = new Collector()
  const parser = new ArchiveParser()
  parser.push(bytes, collector)
  parser.finish({ requireEndOfArchive: true })
  const parsed = collector.stored.map(({ member }) =>
    member.vendor === undefined ? member : { ...member, vendor: { ...member.vendor } },
  )
  t.same(parsed, members)
  t.equal(collector.stored[1]?.content.toString(), 'data!')
  t.ok(goldenArchive().equals(bytes), 'the encoder still writes these bytes')
  t.end()
})

t.test('nb-files/1, list and index', (t) => {
  const decoder = new FileListDecoder()
  const decoded: FileRecord[] = []
  decoder.push(list, { onRecord: (record) => decoded.push(record) })
  decoder.finish()
  t.same(decoded, records)
  t.ok(goldenFileList().equals(list), 'the encoder still writes these bytes')
  const index = golden('nb-files-index-1.bin', () => goldenIndexBytes(list, headerBytes))
  t.same(decodeFileListIndex(index), goldenIndex(list, headerBytes))
  t.ok(goldenIndexBytes(list, headerBytes).equals(index), 'the encoder still writes these bytes')
  t.end()
})

t.test('nb-disk/1', (t) => {
  const bytes = golden('nb-disk-1.bin', () => goldenFragment(list))
  t.same(decodeFragmentHeader(bytes), fragment)
  const footer = decodeFragmentFooter(bytes.subarray(-5120), { fileBytes: bytes.length })
  const [, files, blocks] = footer.members.map((member) => {
    const data = bytes.subarray(member.offset, member.offset + member.sizeBytes)
    checkTrailerMember(data, member)
    return data
  })
  t.same(files, list)
  const payload = bytes.subarray(HEADER_BYTES, HEADER_BYTES + footer.payloadBytes)
  for (let at = 0; at < payload.length; at += footer.blockBytes)
    checkBlock(
      payload.subarray(at, at + footer.blockBytes),
      blocks ?? Buffer.alloc(0),
      at / footer.blockBytes,
    )
  t.ok(goldenFragment(list).equals(bytes), 'the encoder still writes these bytes')
  t.end()
})

for (const compression of ['zstd', 'gzip'] as const) {
  t.test(`nb-disk/2, ${compression}`, async (t) => {
    const bytes = golden(`nb-disk-2-${compression}.bin`, () => goldenCompressed(list, compression))
    t.equal(frameFormatOf(bytes), compression)
    t.same(decodeFragmentHeader(bytes), { ...fragment, compression })
    const footer = decodeFragmentFooter(bytes, { fileBytes: bytes.length, compression })
    t.match(footer, { compression, payloadBytes: goldenArchive().length - 1024 })
    const begin = framedHeaderBytes(compression)
    const stored = bytes.subarray(begin, begin + footer.storedBytes)
    // All of the trailer but the footer is in one frame here.
    const trailer = HEADER_BYTES + footer.payloadBytes
    const at = begin + footer.storedBytes + STORED_FRAME_EDGES[compression].lead - trailer
    const [, files, index, blocks] = footer.members.map((member) => {
      const data = bytes.subarray(at + member.offset, at + member.offset + member.sizeBytes)
      checkTrailerMember(data, member)
      return data
    })
    t.same(files, list)
    for (let block = 0; block * footer.blockBytes < stored.length; block++)
      checkBlock(
        stored.subarray(block * footer.blockBytes, (block + 1) * footer.blockBytes),
        blocks ?? Buffer.alloc(0),
        block,
      )
    const frames = new FrameIndex(index ?? Buffer.alloc(0), footer)
    const pieces: Buffer[] = []
    const compressed: Buffer[] = []
    for (let number = 0; number < frames.count; number++) {
      const { storedOffset, storedBytes, streamBytes } = frames.frame(number)
      const frame = stored.subarray(storedOffset, storedOffset + storedBytes)
      compressed.push(frame)
      pieces.push(await decompressFrame(frame, compression, streamBytes))
    }
    t.ok(Buffer.concat(pieces).equals(goldenArchive().subarray(0, -1024)))
    t.ok(
      goldenCompressed(list, compression, compressed).equals(bytes),
      'the encoder still writes these bytes',
    )
  })
}

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import type { Test } from 'tap'
import {
  BlockChecksums,
  FrameIndexWriter,
  encodeFragmentHeader,
  encodeFragmentTrailer,
  framedHeader,
} from '../../src/index.ts'
import type { ArchiveMember, FrameFormat } from '../../src/index.ts'
import { contentFor, streamOf } from '../support/archive.ts'
import { fragmentHeader, fragmentsOf } from '../support/fragments.ts'
import type { Cut } from '../support/fragments.ts'
import { look, missingTools, scratch, shell } from '../support/peer.ts'

// Every command here stands in docs/design/formats.md, "Reading it all with standard tools".

const skip = missingTools('tar', 'bsdtar')

function file(name: string, sizeBytes: number): ArchiveMember {
  return {
    path: Buffer.from(name),
    kind: 'file',
    mode: 0o644,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    sizeBytes,
    mtimeNs: 1_700_000_000_123_456_789n,
  }
}

const members = [
  file('tree/one', 1000),
  file('tree/two', 70_000),
  file('tree/long', 900_000),
  file('tree/z', 33),
]

/** Cuts the stream at the given offsets, which are multiples of 512. */
function cutsAt(offsets: readonly number[]): Cut[] {
  const { stream, offsets: boundaries } = streamOf(members)
  const edges = [0, ...offsets, stream.length]
  const isBoundary = (offset: number): boolean => offset === stream.length || boundaries.includes(offset)
  return edges.slice(1).map((end, index) => {
    const start = edges[index] ?? 0
    const payload = stream.subarray(start, end)
    return { payload, startsAtMemberBoundary: isBoundary(start), endsAtMemberBoundary: isBoundary(end) }
  })
}

function written(directory: string, cuts: readonly Cut[]): void {
  mkdirSync(join(directory, 'out'))
  for (const [index, bytes] of fragmentsOf(cuts).entries())
    writeFileSync(join(directory, `image.${index + 1}`), bytes)
}

function expectMembers(t: Test, directory: string, expected: readonly ArchiveMember[]): void {
  const seen = look(join(directory, 'out'))
  const files = [...seen.values()].filter((entry) => entry.content !== undefined)
  t.same(files.map((entry) => entry.path).sort(), expected.map((member) => member.path.toString()).sort())
  for (const member of expected) {
    const entry = seen.get(member.path.toString())
    t.ok(entry?.content?.equals(contentFor(member)), `${member.path.toString()} byte for byte`)
    t.equal(entry?.mtimeNs, member.mtimeNs)
  }
}

t.test('a fragment that starts and ends at member boundaries is read by tar alone', { skip }, (t) => {
  const directory = scratch(t)
  const { offsets } = streamOf(members)
  written(directory, cutsAt([offsets[2] ?? 0]))
  shell(`tar -xpf image.1 -C out --anchored --exclude=.nb`, directory)
  expectMembers(t, directory, members.slice(0, 2))
  shell(`rm -r out; mkdir out; bsdtar -xpf image.2 -C out --exclude '^.nb/*'`, directory)
  expectMembers(t, directory, members.slice(2))
  t.end()
})

t.test('fragments that meet at member boundaries, one after the other, are one tar', { skip }, (t) => {
  const directory = scratch(t)
  const { offsets } = streamOf(members)
  written(directory, cutsAt([offsets[1] ?? 0, offsets[2] ?? 0]))
  shell(`cat image.1 image.2 image.3 | tar -xpf - -C out --anchored --exclude=.nb`, directory)
  expectMembers(t, directory, members)
  t.end()
})

/** The very script that people are told to use. */
function scriptOfTheDocument(): string {
  const text = readFileSync(new URL('../../../../docs/design/formats.md', import.meta.url), 'utf8')
  const script = /^```sh\n(#!\/bin\/sh\n[\s\S]*?)^```$/m.exec(text)?.[1]
  if (script === undefined) throw new Error('docs/design/formats.md holds no script')
  return script
}

t.test('one file over three fragments is read with tail, head, cat and tar', { skip }, (t) => {
  const directory = scratch(t)
  const { offsets } = streamOf(members)
  const inside = (offsets[2] ?? 0) + 1536
  written(directory, cutsAt([inside + 512 * 200, inside + 512 * 1100]))
  writeFileSync(join(directory, 'read-image.sh'), scriptOfTheDocument())
  shell(`sh read-image.sh image.1 image.2 image.3 | tar -xpf - -C out`, directory)
  expectMembers(t, directory, members)
  // The same by hand, lengths as the footers tell them.
  const payloads = cutsAt([inside + 512 * 200, inside + 512 * 1100]).map(({ payload }) => payload.length)
  shell(
    `rm -r out; mkdir out
     { dd if=image.1 bs=512 skip=16 count=${(payloads[0] ?? 0) / 512} status=none
       dd if=image.2 bs=512 skip=16 count=${(payloads[1] ?? 0) / 512} status=none
       dd if=image.3 bs=512 skip=16 count=${(payloads[2] ?? 0) / 512} status=none; } | tar -xpf - -C out`,
    directory,
  )
  expectMembers(t, directory, members)
  t.end()
})

t.test('a block is checked with xxhsum', { skip: missingTools('tar', 'xxhsum') }, (t) => {
  const directory = scratch(t)
  written(directory, cutsAt([]))
  shell(`tar -xf image.1 -C out .nb`, directory)
  const sum = shell(`dd if=image.1 bs=8192 skip=$((1 + 2 * 32)) count=32 status=none | xxhsum -H3`, directory)
  const stored = shell(`dd if=out/.nb/BLOCKS bs=8 skip=2 count=1 status=none | od -An -tx8`, directory)
  t.match(sum, stored.trim())
  t.end()
})

t.test('a fragment whose end is lost still gives its whole members', { skip }, (t) => {
  const directory = scratch(t)
  const { offsets } = streamOf(members)
  written(directory, cutsAt([]))
  const lost = 8192 + (offsets[3] ?? 0) + 700
  shell(
    `head -c ${lost} image.1 > cut
     tail -c +8193 cut | tar -xpf - -C out --anchored --exclude=.nb 2> said || grep -q 'Unexpected EOF' said`,
    directory,
  )
  const seen = look(join(directory, 'out'))
  for (const member of members.slice(0, 3))
    t.ok(seen.get(member.path.toString())?.content?.equals(contentFor(member)), member.path.toString())
  t.end()
})

t.test('header, image record, file list and footer are read with tar', { skip }, (t) => {
  const directory = scratch(t)
  written(directory, cutsAt([]))
  shell(`tar -xf image.1 -C out .nb`, directory)
  const json = (name: string): unknown => JSON.parse(readFileSync(join(directory, 'out/.nb', name), 'utf8'))
  t.match(json('FRAGMENT.json'), { format: 'nb-disk/1', policy: 'nightly', fragment: 1 })
  t.match(json('IMAGE.json'), { fragments: 1 })
  t.match(json('FOOTER.json'), { format: 'nb-disk/1', lastFragment: true })
  t.equal(readFileSync(join(directory, 'out/.nb/FILES'), 'utf8'), 'file list of fragment 1')
  const tail = shell(`tail -c 5120 image.1 > last; head -c 4096 last | tail -c +513 | tr -d '\\n'`, directory)
  t.match(JSON.parse(tail), { lastFragment: true })
  t.end()
})

/** Whole compressed fragments for pieces of one stream, each in frames of 64 KiB. */
function compressed(cuts: readonly Cut[], compression: FrameFormat): Buffer[] {
  let streamOffset = 0
  return cuts.map(({ payload, startsAtMemberBoundary, endsAtMemberBoundary }, index) => {
    const header = encodeFragmentHeader(
      fragmentHeader({ fragment: index + 1, streamOffset, startsAtMemberBoundary, compression }),
    )
    streamOffset += payload.length
    const frames = new FrameIndexWriter()
    const stored: Buffer[] = []
    for (let at = 0; at < payload.length; at += 65_536) {
      const piece = payload.subarray(at, at + 65_536)
      const frame = compression === 'zstd' ? zstdCompressSync(piece) : gzipSync(piece)
      frames.add({ storedBytes: frame.length, streamBytes: piece.length, startsAtMember: at === 0 })
      stored.push(frame)
    }
    const bytes = Buffer.concat(stored)
    const blocks = new BlockChecksums()
    blocks.update(bytes)
    const trailer = encodeFragmentTrailer({
      header,
      payloadBytes: payload.length,
      storedBytes: bytes.length,
      endsAtMemberBoundary,
      lastFragment: index + 1 === cuts.length,
      image: { fragments: index + 1, padding: 'x'.repeat(100_000) },
      files: [Buffer.alloc(150_000, `file list of fragment ${index + 1}; `)],
      frames: frames.finish(),
      blocks: blocks.finish(),
    })
    return Buffer.concat([framedHeader(header, compression), bytes, ...trailer])
  })
}

for (const compression of ['zstd', 'gzip'] as const) {
  const skipped = missingTools('tar', compression)
  t.test(`compressed fragments are read with ${compression} and tar`, { skip: skipped }, (t) => {
    const directory = scratch(t)
    const { offsets } = streamOf(members)
    mkdirSync(join(directory, 'out'))
    const write = (cuts: readonly Cut[]): void => {
      for (const [index, bytes] of compressed(cuts, compression).entries())
        writeFileSync(join(directory, `image.${index + 1}`), bytes)
    }
    const emptied = 'rm -r out; mkdir out; '
    write(cutsAt([offsets[1] ?? 0, offsets[2] ?? 0]))
    shell(`${compression} -dc < image.3 | tar -xpf - -C out --anchored --exclude=.nb`, directory)
    expectMembers(t, directory, members.slice(2))
    const all = `cat image.1 image.2 image.3 | ${compression} -dc`
    shell(`${emptied}${all} | tar -xpf - -C out --anchored --exclude=.nb`, directory)
    expectMembers(t, directory, members)
    shell(`${emptied}${compression} -dc < image.2 | tar -xf - -C out .nb`, directory)
    t.match(JSON.parse(readFileSync(join(directory, 'out/.nb/FOOTER.json'), 'utf8')), {
      format: 'nb-disk/2',
      compression,
    })
    const names = shell(`${all} | tar -tf - | grep '^.nb/'`, directory).trim().split('\n')
    t.equal(names.length, 3 * 6, 'header and trailer of each are members too')
    const inside = (offsets[2] ?? 0) + 1536
    write(cutsAt([inside + 512 * 200, inside + 512 * 1100]))
    writeFileSync(join(directory, 'read-image.sh'), scriptOfTheDocument())
    shell(`${emptied}sh read-image.sh image.1 image.2 image.3 | tar -xpf - -C out`, directory)
    expectMembers(t, directory, members)
    t.match(
      JSON.parse(shell(`head -c 8215 image.1 | tr '\\000' '\\n' | grep -a '^{"check":'`, directory)),
      { format: 'nb-disk/2', compression },
      'the header is read without decompressing',
    )
    t.end()
  })
}

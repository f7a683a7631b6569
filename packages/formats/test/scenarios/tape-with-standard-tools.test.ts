import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import t from 'tap'
import { FrameIndexWriter, TAPE_BLOCK_BYTES, fillAfter } from '../../src/index.ts'
import type { ArchiveMember } from '../../src/index.ts'
import { contentFor, streamOf } from '../support/archive.ts'
import type { Cut } from '../support/fragments.ts'
import { readTape } from '../support/independent-tape.ts'
import { look, missingTools, scratch, shell } from '../support/peer.ts'
import {
  blocksOf,
  fragmentFile,
  fragmentFiles,
  multiplexedFile,
  tapeHeader,
  tapeOf,
} from '../support/tapes.ts'

// The commands of docs/design/tape-format.md, "Reading without us", with a file in place of the drive at a tape file.

const skip = missingTools('tar')

function file(name: string, sizeBytes: number): ArchiveMember {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  return {
    ...owner,
    path: Buffer.from(name),
    kind: 'file',
    mode: 0o644,
    sizeBytes,
    mtimeNs: 1_700_000_000n * 10n ** 9n,
  }
}

const members = [file('one', 1000), file('two', 270_000), file('long', 900_000), file('z', 33)]
const { stream, offsets } = streamOf(members)

function cutsAt(edges: readonly number[]): Cut[] {
  const isBoundary = (at: number): boolean => at === stream.length || offsets.includes(at)
  return [...edges, stream.length].map((end, index) => {
    const start = edges[index - 1] ?? 0
    const [startsAtMemberBoundary, endsAtMemberBoundary] = [isBoundary(start), isBoundary(end)]
    return { payload: stream.subarray(start, end), startsAtMemberBoundary, endsAtMemberBoundary }
  })
}

/** A directory with each tape file's blocks, and `out` to extract to. */
function written(directory: string, files: readonly (readonly Buffer[])[]): void {
  mkdirSync(join(directory, 'out'))
  for (const [index, blocks] of files.entries())
    writeFileSync(join(directory, `file.${index}`), Buffer.concat(blocks))
}

function extracted(directory: string): Map<string, Buffer | undefined> {
  return new Map([...look(join(directory, 'out'))].map(([path, { content }]) => [path, content]))
}

const contents = new Map(members.map((member) => [member.path.toString(), contentFor(member)]))

t.test('tar -b 512 gives the files of a fragment', { skip }, (t) => {
  const directory = scratch(t)
  const boundary = offsets[2] ?? 0
  const files = tapeOf(fragmentFiles(cutsAt([boundary])))
  written(directory, files)
  const listed = shell('tar -b 512 -tf file.2; tar -b 512 -tf file.3; tar -b 512 -tf file.1', directory)
    .trim()
    .split('\n')
  t.strictSame(listed, [
    ...[
      '.nb/FRAGMENT.json',
      'one',
      'two',
      '.nb/FILL',
      '.nb/IMAGE.json',
      '.nb/FILES',
      '.nb/BLOCKS',
      '.nb/FILL',
    ],
    ...['.nb/FOOTER.json', '.nb/FRAGMENT.json', 'long', 'z', '.nb/FILL', '.nb/IMAGE.json', '.nb/FILES'],
    ...['.nb/BLOCKS', '.nb/FILL', '.nb/FOOTER.json', 'README.txt'],
  ])
  shell('for n in 2 3; do tar -b 512 -xpf file.$n -C out --anchored --exclude=.nb; done', directory)
  t.strictSame(extracted(directory), contents)
  t.end()
})

t.test('dd of the payloads in order gives a spanned image', { skip }, (t) => {
  const directory = scratch(t)
  const files = tapeOf(fragmentFiles(cutsAt([2 * TAPE_BLOCK_BYTES, 4 * TAPE_BLOCK_BYTES])))
  written(directory, files)
  const script = `for n in 2 3 4; do
    blocks=$(tail -c 262144 file.$n | tr '\\000' '\\n' | grep -a '^{"check":' | sed 's/.*"payloadBlocks":\\([0-9]*\\).*/\\1/')
    dd if=file.$n bs=256k skip=1 count=$blocks status=none
  done | tar -xpf - -C out --anchored --exclude=.nb`
  shell(script, directory)
  t.strictSame(extracted(directory), contents)
  t.end()
})

t.test('fragments that end at a member and inside one go into the same pipe', { skip }, (t) => {
  const directory = scratch(t)
  const boundary = offsets[1] ?? 0
  const files = fragmentFiles(cutsAt([boundary, boundary + 2 * TAPE_BLOCK_BYTES]))
  written(directory, files)
  const payloads = files.map(
    (blocks, index) => `dd if=file.${index} bs=256k skip=1 count=${blocks.length - 3} status=none`,
  )
  shell(`{ ${payloads.join('; ')}; } | tar -xpf - -C out --anchored --exclude=.nb`, directory)
  t.strictSame(extracted(directory), contents)
  t.end()
})

for (const compression of ['gzip', 'zstd'] as const) {
  const compress = compression === 'gzip' ? gzipSync : zstdCompressSync
  t.test(
    `a fragment in ${compression} is decompressed with its fill`,
    { skip: skip || missingTools(compression) },
    (t) => {
      const directory = scratch(t)
      const half = Math.floor(stream.length / 1024) * 512
      const frames = [compress(stream.subarray(0, half)), compress(stream.subarray(half))]
      const index = new FrameIndexWriter()
      for (const [at, frame] of frames.entries())
        index.add({
          storedBytes: frame.length,
          streamBytes: at === 0 ? half : stream.length - half,
          startsAtMember: at === 0,
        })
      const payload = Buffer.concat(frames)
      const blocks = fragmentFile(tapeHeader({ compression }), payload, {
        ...{ endsAtMemberBoundary: true, lastFragment: true, frames: index.finish() },
        ...{ payloadBytes: stream.length, storedBytes: payload.length },
      })
      written(directory, [blocks])
      const dd = `dd if=file.0 bs=256k skip=1 count=${blocks.length - 3} status=none`
      shell(`{ ${dd}; } | ${compression} -dc | tar -xpf - -C out`, directory)
      t.strictSame(extracted(directory), contents)
      // Fill stands between frames of two fragments, of every length that there is.
      for (const size of [1, 7, 8, 24, 25, 26, 65_560, 65_561, 131_121, 262_143])
        writeFileSync(
          join(directory, `filled.${size}`),
          Buffer.concat([
            frames[0] as Buffer,
            fillAfter(TAPE_BLOCK_BYTES - size, compression),
            frames[1] as Buffer,
          ]),
        )
      const sums = shell(
        `for f in filled.*; do ${compression} -dc < $f | cksum; done | sort -u | wc -l`,
        directory,
      )
      t.equal(sums.trim(), '1')
      t.end()
    },
  )
}

t.test('tar alone takes one stream out of a multiplexed file', { skip }, (t) => {
  const directory = scratch(t)
  const other = streamOf([file('other', 5000)]).stream
  const third = streamOf([file('third', 600_000)]).stream
  const files = tapeOf([multiplexedFile([other, stream, third])])
  written(directory, files)
  shell(`tar -b 512 -xOf file.2 --wildcards '.nb/stream-02/*' | tar -xpf - -C out`, directory)
  t.strictSame(extracted(directory), contents)
  const named = shell('tar -b 512 -tf file.2', directory)
  t.match(named, /\.nb\/STREAMS\.json\n$/, 'tar reads the file to its end')
  t.end()
})

t.test('a reader that shares no code finds every file', (t) => {
  const other = streamOf([file('other', 5000)]).stream
  const tape = tapeOf([
    ...fragmentFiles(cutsAt([2 * TAPE_BLOCK_BYTES, offsets[3] ?? 0])),
    multiplexedFile([other, stream], 5),
  ])
  const images = readTape(tape)
  t.strictSame(images.get('client_1700000000'), contents)
  t.strictSame(images.get('client_2'), contents)
  t.strictSame(
    [...(images.get('client_1') ?? [])].map(([name]) => name),
    ['other'],
  )
  const readme = blocksOf(tape[1]?.[0] as Buffer)[0]?.toString('latin1', 512, 530)
  t.equal(readme, 'This tape was writ')
  t.end()
})

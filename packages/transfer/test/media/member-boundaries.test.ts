import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, linkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { type ArchiveMember, ArchiveParser, encodeMember, memberDataBytes, paddingOf } from '@nb/formats'
import { seededRandom } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { MemberBoundaries } from '../../src/media/member-boundaries.ts'
import { noise } from './made-image.ts'

/** Offsets at which members begin, and the end, as the full parser sees them. */
function parsed(stream: Buffer): number[] {
  const offsets: number[] = []
  const parser = new ArchiveParser()
  const nothing = (): void => undefined
  parser.push(stream, {
    onMember: (_, offset) => void offsets.push(offset),
    onData: nothing,
    onMemberEnd: nothing,
    onEndOfArchive: nothing,
  })
  return offsets
}

/** The same by following boundaries one by one, over chunks of random sizes. */
function followed(stream: Buffer, seed: number): number[] {
  const random = seededRandom(seed)
  const boundaries = new MemberBoundaries()
  const offsets = [0]
  for (let at = 0; at < stream.length;) {
    const chunk = stream.subarray(at, at + 1 + Math.floor(random() * 3000))
    for (let rest = chunk; rest.length > 0;) {
      const count = boundaries.advance(rest, 0)
      rest = rest.subarray(count)
      if (boundaries.atBoundary) offsets.push(boundaries.streamOffset)
    }
    at += chunk.length
  }
  return offsets
}

const name = fc
  .string({ minLength: 1, maxLength: 150, unit: 'grapheme-ascii' })
  .map((text) => text.replaceAll('/', '-'))
const common = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_700_000_000_123_456_789n }
const member: fc.Arbitrary<ArchiveMember> = fc.oneof(
  fc.record({ name, size: fc.nat({ max: 4000 }) }).map(({ name, size }): ArchiveMember => ({
    ...common,
    path: Buffer.from(`d/${name}`),
    kind: 'file',
    sizeBytes: size,
  })),
  name.map((text): ArchiveMember => ({
    ...common,
    path: Buffer.from(`d/${text}`),
    kind: 'directory',
    sizeBytes: 0,
  })),
  name.map((text): ArchiveMember => ({
    ...common,
    path: Buffer.from(`d/${text}`),
    kind: 'symlink',
    sizeBytes: 0,
    linkTarget: Buffer.from(`../${text}/${text}`),
  })),
  fc.record({ name, at: fc.nat({ max: 8 }) }).map(({ name, at }): ArchiveMember => ({
    ...common,
    path: Buffer.from(`d/${name}`),
    kind: 'file',
    sizeBytes: 100_000,
    sparse: [{ offset: at * 4096, length: 1024 }],
  })),
  name.map((text): ArchiveMember => ({
    ...common,
    path: Buffer.from(`d/${text}`),
    kind: 'file',
    sizeBytes: 10,
    xattrs: [{ name: Buffer.from('user.size=9'), value: Buffer.from('size=77\nsize=88') }],
  })),
)

function streamOf(members: readonly ArchiveMember[]): Buffer {
  return Buffer.concat(
    members.flatMap((each, index) => {
      const length = memberDataBytes(each)
      // Data that looks like headers must not be taken for any.
      const data = index % 2 === 0 ? noise(index + 1, length) : Buffer.alloc(length, encodeMember(each))
      return [encodeMember(each), data, Buffer.alloc(paddingOf(length))]
    }),
  )
}

t.test('boundaries are where the full parser sees members begin', (t) => {
  fc.assert(
    fc.property(fc.array(member, { maxLength: 8 }), fc.nat(), (members, seed) => {
      const stream = streamOf(members)
      const expected = [...parsed(stream), stream.length]
      return JSON.stringify(followed(stream, seed)) === JSON.stringify(members.length === 0 ? [0] : expected)
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('a size that only the pax header can say is followed', (t) => {
  const sizeBytes = 9 * 2 ** 30
  const header = encodeMember({ ...common, path: Buffer.from('huge'), kind: 'file', sizeBytes })
  const boundaries = new MemberBoundaries()
  boundaries.advance(header, 0)
  const block = Buffer.alloc(2 ** 26)
  for (let left = sizeBytes; left > 0;) {
    t.notOk(boundaries.atBoundary)
    left -= boundaries.advance(block.subarray(0, left), 0)
  }
  t.ok(boundaries.atBoundary)
  t.equal(boundaries.streamOffset, header.length + sizeBytes)
  t.end()
})

for (const format of ['gnu', 'pax', 'ustar', 'v7'] as const) {
  t.test(`what GNU tar writes as ${format}`, (t) => {
    const root = mkdtempSync(`${tmpdir()}/nb-boundaries-`)
    t.teardown(() => rmSync(root, { recursive: true }))
    mkdirSync(`${root}/tree/sub`, { recursive: true })
    writeFileSync(`${root}/tree/one`, 'x'.repeat(5000))
    writeFileSync(`${root}/tree/empty`, '')
    if (format !== 'ustar' && format !== 'v7')
      writeFileSync(`${root}/tree/sub/${'long'.repeat(50)}`, 'long name')
    symlinkSync('one', `${root}/tree/link`)
    linkSync(`${root}/tree/one`, `${root}/tree/second`)
    writeFileSync(`${root}/tree/holes`, 'begin')
    truncateSync(`${root}/tree/holes`, 1_000_000)
    const sparse = format === 'pax' ? ['--sparse', '--sparse-version=1.0'] : []
    const whole = execFileSync('tar', ['-c', `--format=${format}`, ...sparse, '-C', root, 'tree'])
    let end = whole.length
    while (whole.subarray(end - 512, end).every((byte) => byte === 0)) end -= 512
    const stream = whole.subarray(0, Math.max(end, parsed(whole).at(-1) ?? 0) + 0)
    const starts = parsed(whole).filter((offset) => offset < stream.length)
    t.same(
      followed(stream, 3).filter((offset) => offset < stream.length),
      starts,
    )
    t.end()
  })
}

t.test('what is no archive is refused where it stops being one', (t) => {
  const good = streamOf([{ ...common, path: Buffer.from('a'), kind: 'file', sizeBytes: 100 }])
  const refused = (stream: Buffer): void => {
    t.throws(() => new MemberBoundaries().advance(stream, 2 ** 40), { code: 'archive-corrupt', status: 92 })
  }
  refused(noise(1, 1024))
  refused(Buffer.alloc(1024))
  refused(Buffer.concat([good, noise(2, 512)]))
  const typed = Buffer.from(good)
  typed[156] = 0x5a
  refused(typed)
  t.end()
})

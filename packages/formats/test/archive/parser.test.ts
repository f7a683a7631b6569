import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  ArchiveParser,
  END_OF_ARCHIVE,
  FormatError,
  MAX_EXTENDED_HEADER_BYTES,
  encodeMember,
} from '../../src/index.ts'
import type { ArchiveMember } from '../../src/index.ts'
import { sealHeaderBlock } from '../support/seal-header-block.ts'
import { archiveMember, chunksOf, damage, damaged } from '../support/arbitraries.ts'
import { Collector, contentFor, streamOf, tarOf } from '../support/archive.ts'
import { holds } from '../support/holds.ts'

const plain: ArchiveMember = {
  path: Buffer.from('a'),
  kind: 'file',
  mode: 0o600,
  uid: 1,
  gid: 2,
  sizeBytes: 700,
  mtimeNs: 5n,
}

t.test('what is encoded is parsed, whatever the members and however the bytes come', (t) => {
  holds(
    t,
    300,
    fc.property(
      fc
        .array(archiveMember, { maxLength: 5 })
        .chain((members) => fc.tuple(fc.constant(members), chunksOf(tarOf(members)))),
      ([members, chunks]) => {
        const collector = new Collector()
        const parser = new ArchiveParser()
        for (const chunk of chunks) parser.push(chunk, collector)
        parser.finish({ requireEndOfArchive: true })
        assert.deepEqual(
          collector.stored.map(({ member }) => plainVendor(member)),
          members.map(plainVendor),
        )
        for (const { member, content } of collector.stored)
          if (!content.equals(contentFor(member))) throw new Error('content differs')
        assert.deepEqual(collector.offsets, streamOf(members).offsets)
        assert.equal(collector.ended, members.length)
        assert.equal(collector.archivesEnded, 1)
        return true
      },
    ),
  )
  t.end()
})

/** The parser's record has no prototype, as its keys come from outside. */
function plainVendor(member: ArchiveMember): ArchiveMember {
  return member.vendor === undefined ? member : { ...member, vendor: { ...member.vendor } }
}

t.test('damage gives a FormatError or a member, never another exception', (t) => {
  let refused = 0
  holds(
    t,
    400,
    fc.property(
      fc.array(archiveMember, { minLength: 1, maxLength: 3 }),
      fc.array(damage, { minLength: 10, maxLength: 10 }),
      (members, damages) => {
        const whole = tarOf(members)
        for (const one of damages) {
          const parser = new ArchiveParser()
          try {
            parser.push(damaged(whole, one), {
              onMember() {},
              onData() {},
              onMemberEnd() {},
              onEndOfArchive() {},
            })
            parser.finish({ requireEndOfArchive: true })
          } catch (error) {
            if (!(error instanceof FormatError)) throw error
            refused++
          }
        }
      },
    ),
  )
  t.ok(refused > 1000, `${refused} of 4000 damaged archives refused`)
  t.end()
})

t.test('damage with header checksums made right again gives a FormatError or a member', (t) => {
  let refused = 0
  holds(
    t,
    400,
    fc.property(archiveMember, fc.array(damage, { minLength: 10, maxLength: 10 }), (member, damages) => {
      const whole = tarOf([member])
      for (const one of damages) {
        const copy = damaged(whole, one)
        for (let at = 0; at + 512 <= copy.length; at += 512)
          if (copy.toString('latin1', at + 257, at + 262) === 'ustar') sealHeaderBlock(copy, at)
        const parser = new ArchiveParser()
        try {
          parser.push(copy, { onMember() {}, onData() {}, onMemberEnd() {}, onEndOfArchive() {} })
          parser.finish({ requireEndOfArchive: true })
        } catch (error) {
          if (!(error instanceof FormatError)) throw error
          refused++
        }
      }
    }),
  )
  t.ok(refused > 100, `${refused} of 4000 refused`)
  t.end()
})

t.test('a stream can be entered at any member and left for another', (t) => {
  const members = ['one', 'two', 'three'].map((name) => ({ ...plain, path: Buffer.from(name) }))
  const { stream, offsets } = streamOf(members)
  const [, second = 0, third = 0] = offsets
  const collector = new Collector()
  const parser = new ArchiveParser({ streamOffset: third })
  t.ok(parser.atMemberBoundary)
  parser.push(stream.subarray(third), collector)
  t.equal(parser.streamOffset, stream.length)
  parser.skipTo(second)
  parser.push(stream.subarray(second, third - 1), collector)
  t.throws(() => parser.skipTo(0), { code: 'ARCHIVE_TRUNCATED', offset: third - 1 })
  t.throws(() => parser.finish(), { code: 'ARCHIVE_TRUNCATED' })
  parser.push(stream.subarray(third - 1, third), collector)
  parser.finish()
  t.throws(() => parser.finish({ requireEndOfArchive: true }), { code: 'ARCHIVE_TRUNCATED' })
  t.same(collector.offsets, [third, second])
  t.same(
    collector.stored.map(({ member }) => member.path.toString()),
    ['three', 'two'],
  )
  t.throws(() => new ArchiveParser({ streamOffset: -1 }), TypeError)
  t.end()
})

t.test('truncation anywhere is noticed', (t) => {
  const { stream } = streamOf([
    { ...plain, sparse: [{ offset: 512, length: 188 }], path: Buffer.alloc(200, 'x') },
  ])
  for (let length = 1; length < stream.length; length += 37) {
    const parser = new ArchiveParser()
    parser.push(stream.subarray(0, length), new Collector())
    t.throws(() => parser.finish(), { code: 'ARCHIVE_TRUNCATED', offset: length })
  }
  t.end()
})

t.test('a header whose checksum is wrong is refused, and the parser is of no use after', (t) => {
  const stream = tarOf([plain])
  stream.writeUInt8(0x62, 512)
  const header = stream.subarray(1024)
  header[0] = 0x62
  const parser = new ArchiveParser()
  t.throws(() => parser.push(stream, new Collector()), FormatError)
  t.throws(() => parser.push(END_OF_ARCHIVE, new Collector()), TypeError)
  t.end()
})

t.test('an extended header beyond the limit is refused before memory is taken', (t) => {
  const block = Buffer.alloc(512)
  block.write('x', 0)
  block.write((MAX_EXTENDED_HEADER_BYTES + 1).toString(8).padStart(11, '0'), 124)
  block.write('x', 156)
  sealHeaderBlock(block, 0)
  t.throws(() => new ArchiveParser().push(block, new Collector()), { code: 'ARCHIVE_LIMIT' })
  t.end()
})

t.test('a sparse map that lies is refused', (t) => {
  const { stream } = streamOf([{ ...plain, sparse: [{ offset: 512, length: 188 }] }])
  const map = stream.indexOf('1\n512\n188\n')
  for (const text of ['9\n512\n188\n', '1\n512\n189\n', '1\n999\n188\n', '1\n5x2\n188\n', '99999999999\n']) {
    const copy = Buffer.from(stream)
    copy.fill(0, map, map + 512)
    copy.write(text, map)
    const code = text.startsWith('999') ? 'ARCHIVE_LIMIT' : 'ARCHIVE_INVALID'
    t.throws(() => new ArchiveParser().push(copy, new Collector()), { code }, JSON.stringify(text))
  }
  t.end()
})

t.test('a lone zero block between members is refused', (t) => {
  const { stream } = streamOf([plain])
  const parser = new ArchiveParser()
  const bytes = Buffer.concat([stream, Buffer.alloc(512), stream])
  t.throws(() => parser.push(bytes, new Collector()), {
    code: 'ARCHIVE_INVALID',
    offset: stream.length + 512,
  })
  t.end()
})

t.test('what follows the end of the archive is ignored', (t) => {
  const parser = new ArchiveParser()
  const collector = new Collector()
  parser.push(Buffer.concat([tarOf([plain]), Buffer.alloc(7000, 'x')]), collector)
  parser.finish({ requireEndOfArchive: true })
  t.equal(collector.stored.length, 1)
  t.end()
})

t.test(
  'bytes that a file with the name of a directory declares are stepped over, not read as headers',
  (t) => {
    const common = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n }
    const odd = encodeMember({ ...common, path: Buffer.from('odd'), kind: 'file', sizeBytes: 600 })
    odd[3] = 0x2f
    odd.fill(0x20, 148, 156)
    const sum = odd.reduce((total, byte) => total + byte, 0)
    odd.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
    const next = encodeMember({ ...common, path: Buffer.from('next'), kind: 'file', sizeBytes: 0 })
    const found: string[] = []
    const parser = new ArchiveParser()
    parser.push(Buffer.concat([odd, Buffer.alloc(1024, 'x'), next]), {
      onMember: ({ path, kind, sizeBytes }, at) =>
        found.push(`${kind} ${path.toString()} ${sizeBytes} at ${at}`),
      onData: () => undefined,
      onMemberEnd: () => undefined,
      onEndOfArchive: () => undefined,
    })
    parser.finish()
    t.same(found, ['directory odd 0 at 0', `file next 0 at ${odd.length + 1024}`])
    t.end()
  },
)

import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type ArchiveMember, type ArchiveSink, ArchiveParser, FormatError } from '../../src/index.ts'
import { streamOf } from '../support/archive.ts'
import { archiveMember, component, damage, damaged } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'

/** What a parser tells of a stream that comes in pieces. */
function told(stream: Buffer, pieceBytes: number, names: boolean): unknown[] {
  const events: unknown[] = []
  const sink: ArchiveSink = {
    onMember: (member, offset) => void events.push([offset, attributesOf(member)]),
    onData: (chunk, offset) => void events.push([offset, Buffer.from(chunk)]),
    onMemberEnd: () => void events.push('end'),
    onEndOfArchive: () => void events.push('end of archive'),
  }
  const parser = new ArchiveParser({ names })
  try {
    for (let at = 0; at < stream.length; at += pieceBytes)
      parser.push(stream.subarray(at, at + pieceBytes), sink)
    parser.finish()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    events.push(error.code)
  }
  return events
}

/** All that a restore sets. */
function attributesOf(member: ArchiveMember): Partial<ArchiveMember> {
  const { kind, mode, uid, gid, sizeBytes, mtimeNs, atimeNs, linkTarget, sparse, xattrs } = member
  const { aclAccess, aclDefault, deviceMajor, deviceMinor } = member
  return {
    ...{ kind, mode, uid, gid, sizeBytes, mtimeNs, deviceMajor, deviceMinor, aclAccess, aclDefault },
    ...{ atimeNs, linkTarget, sparse, xattrs },
  } as Partial<ArchiveMember>
}

const instant = fc.oneof(
  fc.bigInt({ min: 0n, max: 3_000_000_000_000_000_000n }),
  fc.integer({ min: 0, max: 3_000_000_000 }).map((seconds) => BigInt(seconds) * 1_000_000_000n),
)
/** Most members of an image are such files. */
const plainFile = fc
  .record({
    name: component,
    mode: fc.nat({ max: 0o7777 }),
    sizeBytes: fc.nat({ max: 2000 }),
    mtimeNs: instant,
    atimeNs: instant,
    ctimeNs: instant,
  })
  .map(({ name, ...rest }): ArchiveMember => ({ path: name, kind: 'file', uid: 7, gid: 8, ...rest }))
const streams = fc
  .array(fc.oneof(plainFile, archiveMember), { minLength: 1, maxLength: 6 })
  .map((members) => streamOf(members).stream)

t.test('a restore reads from a member what all others read, however its bytes come', (t) => {
  const lost = fc.option(damage, { nil: [], freq: 2 })
  holds(
    t,
    200,
    fc.property(streams, lost, fc.integer({ min: 1, max: 9000 }), (whole, damages, pieceBytes) => {
      const stream = damaged(whole, damages)
      assert.deepEqual(told(stream, pieceBytes, false), told(stream, pieceBytes, true))
    }),
  )
  t.end()
})

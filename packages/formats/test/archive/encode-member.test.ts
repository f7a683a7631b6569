import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  MAX_EXTENDED_HEADER_BYTES,
  alignRegions,
  encodeMember,
  encodeMemberInto,
  maxMemberHeaderBytes,
  memberDataBytes,
  memberPathOf,
  paddingOf,
} from '../../src/index.ts'
import type { ArchiveMember } from '../../src/index.ts'
import { archiveMember } from '../support/arbitraries.ts'
import { holds } from '../support/holds.ts'
import { plainHeader } from '../support/plain-header.ts'

const plain: ArchiveMember = {
  path: Buffer.from('etc/hosts'),
  kind: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 1000,
  mtimeNs: 1_700_000_000_000_000_000n,
}

t.test('a member that ustar can say has one header block and no extended header', (t) => {
  const header = encodeMember(plain)
  t.equal(header.length, 512)
  t.equal(header.toString('latin1', 0, 9), 'etc/hosts')
  t.equal(header.toString('latin1', 257, 265), 'ustar\x0000')
  t.equal(header.toString('latin1', 124, 135), '00000001750')
  t.equal(header.toString('latin1', 156, 157), '0')
  t.end()
})

t.test('a time with nanoseconds is exact in the extended header', (t) => {
  const header = encodeMember({ ...plain, mtimeNs: 1_700_000_000_000_000_001n })
  t.equal(header.length, 1536)
  t.equal(header.toString('latin1', 156, 157), 'x')
  t.match(header.toString('latin1', 512, 1024), '30 mtime=1700000000.000000001\n')
  const before = encodeMember({ ...plain, mtimeNs: -1n }).toString('latin1', 512, 1024)
  t.match(before, '22 mtime=-0.000000001\n')
  t.end()
})

t.test('numbers too big for ustar stand in the extended header', (t) => {
  const header = encodeMember({ ...plain, uid: 2_097_152, sizeBytes: 2 ** 33 }).toString('latin1')
  t.match(header, ' uid=2097152\n')
  t.match(header, ' size=8589934592\n')
  const fits = encodeMember({ ...plain, uid: 2_097_151, sizeBytes: 2 ** 33 - 1 })
  t.equal(fits.length, 512)
  t.end()
})

t.test('a record counts the digits of its own length', (t) => {
  for (let length = 101; length < 1100; length++) {
    const text = encodeMember({ ...plain, path: Buffer.alloc(length, 'p') }).toString('latin1')
    const match = /\n?(\d+) path=(p+)\n/.exec(text.slice(512))
    t.equal(Number(match?.[1]), `${match?.[1]} path=${match?.[2]}\n`.length)
    t.equal(match?.[2]?.length, length)
  }
  t.end()
})

t.test('encodeMemberInto writes the same over used memory, and refuses too little room', (t) => {
  const member = { ...plain, path: Buffer.alloc(300, 'p'), userName: 'someone', vendor: { note: 'ü' } }
  const target = Buffer.alloc(8192, 0xaa)
  const written = encodeMemberInto(member, target, 100)
  t.same(target.subarray(100, 100 + written), encodeMember(member))
  t.equal(target[99], 0xaa)
  t.ok(written <= maxMemberHeaderBytes(member))
  t.throws(() => encodeMemberInto(member, Buffer.alloc(1024), 0), RangeError)
  t.end()
})

t.test('impossible members are refused', (t) => {
  const wrong: Partial<ArchiveMember>[] = [
    { path: Buffer.from('') },
    { path: Buffer.from('/abs') },
    { path: Buffer.from('dir/') },
    { path: Buffer.from('a\0b') },
    { mode: 0o10000 },
    { uid: -1 },
    { gid: 1.5 },
    { sizeBytes: Number.NaN },
    { mtimeNs: 2n ** 100n },
    { kind: 'symlink' },
    { kind: 'hardlink', linkTarget: Buffer.from('') },
    { linkTarget: Buffer.from('x') },
    { kind: 'block-device', deviceMajor: 1 },
    { kind: 'directory', sparse: [] },
    { sparse: [{ offset: 0, length: 2000 }] },
    { sparse: [{ offset: 512, length: 10 }] },
    { sparse: [{ offset: 512, length: 0 }] },
    {
      sparse: [
        { offset: 512, length: 488 },
        { offset: 0, length: 512 },
      ],
    },
    { xattrs: [{ name: Buffer.from(''), value: Buffer.from('') }] },
    { vendor: { 'no=equals': '' } },
    { xattrs: [{ name: Buffer.from('user.big'), value: Buffer.alloc(MAX_EXTENDED_HEADER_BYTES) }] },
  ]
  for (const fields of wrong) t.throws(() => encodeMember({ ...plain, ...fields }), TypeError)
  t.end()
})

t.test('regions are widened to whole blocks and merged', (t) => {
  t.same(
    alignRegions(
      [
        { offset: 10, length: 5 },
        { offset: 700, length: 400 },
        { offset: 4096, length: 0 },
        { offset: 9000, length: 1000 },
      ],
      9500,
    ),
    [
      { offset: 0, length: 1536 },
      { offset: 8704, length: 796 },
    ],
  )
  t.end()
})

t.test('what follows a header', (t) => {
  t.equal(paddingOf(0), 0)
  t.equal(paddingOf(1), 511)
  t.equal(paddingOf(512), 0)
  t.equal(memberDataBytes(plain), 1000)
  t.equal(memberDataBytes({ ...plain, kind: 'directory' }), 0)
  t.equal(memberDataBytes({ ...plain, sparse: [{ offset: 512, length: 488 }] }), 488)
  t.equal(memberPathOf(Buffer.from('/')).toString(), '.')
  t.equal(memberPathOf(Buffer.from('/a/b')).toString(), 'a/b')
  t.end()
})

t.test('headers made one after the other, each from what the last had, are what each is alone', (t) => {
  const inARow = fc.array(archiveMember, { minLength: 1, maxLength: 8 })
  holds(
    t,
    60,
    fc.property(inARow, (members) => {
      for (const member of members) assert.deepEqual(encodeMember(member), plainHeader(member))
    }),
  )
  t.end()
})

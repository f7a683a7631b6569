import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  ACCESS_ACL_ATTRIBUTE,
  AclFormatError,
  decodeAcl,
  encodeAcl,
  formatAclText,
  parseAclText,
  type AclEntry,
} from '../../src/posix/acl.ts'
import { AT, O } from '../../src/posix/constants.ts'
import { loadPosix } from '../../src/posix/posix.ts'

const permissions = fc.integer({ min: 0, max: 7 })
const id = fc.integer({ min: 0, max: 0xffff_fffe })
const named = (tag: 'user' | 'group'): fc.Arbitrary<AclEntry[]> =>
  fc
    .uniqueArray(fc.record({ tag: fc.constant(tag), id, permissions }, { noNullPrototype: true }), {
      selector: (e) => e.id,
      maxLength: 4,
    })
    .map((list) => list.sort((a, b) => a.id - b.id))
const one = (tag: 'user-owner' | 'group-owner' | 'mask' | 'other'): fc.Arbitrary<AclEntry[]> =>
  permissions.map((p) => [{ tag, id: undefined, permissions: p }])
/** Whole ACLs in the kernel's order. */
const acls = fc
  .tuple(one('user-owner'), named('user'), one('group-owner'), named('group'), one('mask'), one('other'))
  .map((parts) => parts.flat())

t.test('an ACL survives the kernel form and the text form', async (t) => {
  fc.assert(
    fc.property(acls, (acl) => {
      t.strictSame(decodeAcl(encodeAcl(acl)), acl)
      t.strictSame(parseAclText(formatAclText(acl)), acl)
    }),
    { numRuns: 200 },
  )
})

t.test('entries are written in the kernel order whatever order they come in', async (t) => {
  fc.assert(
    fc.property(acls, (acl) => t.ok(encodeAcl([...acl].reverse()).equals(encodeAcl(acl)))),
    { numRuns: 100 },
  )
})

t.test('text of other tools is understood', async (t) => {
  const names = {
    user: (n: string) => (n === 'lisa' ? 502 : undefined),
    group: (n: string) => (n === 'toolies' ? 77 : undefined),
  }
  t.equal(
    formatAclText(
      parseAclText('u::rwx\nuser:lisa:r-x\ng::r-x\ngroup:toolies:rwx # effective\nm::rwx\no:r--', names),
    ),
    'user::rwx,user:502:r-x,group::r-x,group:77:rwx,mask::rwx,other::r--',
  )
  t.equal(
    formatAclText(parseAclText('user:nobody-here:r-x:502')),
    'user:502:r-x',
    "star's number beside the name",
  )
  t.equal(formatAclText(parseAclText('default:user::rwx')), 'user::rwx')
})

t.test('what is no ACL is refused with ACL_MALFORMED', async (t) => {
  for (const text of [
    'nonsense',
    'user:1000:rq-',
    'user:unknown:r--',
    'user:99999999999:r--',
    'user:1:2:3:4',
  ]) {
    t.throws(() => parseAclText(text), { code: 'ACL_MALFORMED' }, text)
  }
  t.throws(() => decodeAcl(Buffer.from([1, 0, 0, 0])), AclFormatError)
  t.throws(() => decodeAcl(Buffer.from([2, 0, 0])), AclFormatError)
  t.throws(() => decodeAcl(Buffer.from([2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0])), AclFormatError)
})

t.test('the kernel takes what is encoded and getfacl reads it', async (t) => {
  const posix = loadPosix()
  if (typeof posix === 'string') {
    t.comment(`SKIPPED: ${posix}`)
    return
  }
  const file = join(t.testdir({}), 'f')
  writeFileSync(file, '')
  const text = 'user::rw-,user:1000:r--,group::r--,mask::r--,other::---'
  const fd = posix.open(AT.FDCWD, Buffer.from(file), O.RDONLY)
  posix.setAttributeFd(fd, Buffer.from(ACCESS_ACL_ATTRIBUTE), encodeAcl(parseAclText(text)))
  const read = posix.getAttributeFd(fd, Buffer.from(ACCESS_ACL_ATTRIBUTE))
  posix.close(fd)
  t.equal(read === undefined ? undefined : formatAclText(decodeAcl(read)), text)
  try {
    const out = execFileSync('getfacl', ['-n', '-c', '--absolute-names', file], { encoding: 'utf8' })
    t.equal(out.trim().split('\n').join(','), text)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    t.comment('getfacl is not installed: its reading was not compared')
  }
})

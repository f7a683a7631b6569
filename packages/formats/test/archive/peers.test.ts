import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ArchiveParser, encodeMember } from '../../src/index.ts'
import type { ArchiveMember } from '../../src/index.ts'
import { Collector, contentFor, tarOf } from '../support/archive.ts'
import { isRoot, look, missingTools, run, scratch, shell, xattrsOf } from '../support/peer.ts'

const raw = Buffer.from([0x72, 0xff, 0xfe, 0x80])
const long = Buffer.from('d'.repeat(120))
const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0

function named(name: string | Buffer, fields: Partial<ArchiveMember> = {}): ArchiveMember {
  const path = Buffer.isBuffer(name) ? name : Buffer.from(name)
  const base = {
    kind: 'file',
    mode: 0o644,
    uid,
    gid,
    sizeBytes: 0,
    mtimeNs: 1_700_000_000_123_456_789n,
  } as const
  return { ...base, path, ...fields }
}

/** Sixteen components of 250 bytes: a path of 4,015 bytes, near what a system call takes. */
const deep = Array.from({ length: 16 }, (_, index) => String(index % 10).repeat(250)).join('/')

const members: ArchiveMember[] = [
  named('directory', { kind: 'directory', mode: 0o2755, mtimeNs: 1_600_000_000_000_000_001n }),
  named('directory/plain', { sizeBytes: 1234, mode: 0o4711 }),
  named('directory/link', { kind: 'hardlink', linkTarget: Buffer.from('directory/plain'), mode: 0o4711 }),
  named('seconds', { mtimeNs: 1_700_000_000_000_000_000n, sizeBytes: 512 }),
  named('before 1970', { mtimeNs: -86_400_000_000_000n }),
  named(Buffer.concat([Buffer.from('bytes-'), raw]), { sizeBytes: 3 }),
  named(Buffer.concat([long, raw]), { sizeBytes: 3 }),
  named('ü'.repeat(80), { sizeBytes: 7 }),
  named('symlink', { kind: 'symlink', linkTarget: Buffer.concat([raw, Buffer.from('/x')]), mode: 0o777 }),
  named('long symlink', { kind: 'symlink', linkTarget: Buffer.concat([long, raw]), mode: 0o777 }),
  named('fifo', { kind: 'fifo' }),
  named('sparse', {
    sizeBytes: 3_000_005,
    sparse: [
      { offset: 65_536, length: 8192 },
      { offset: 2_097_152, length: 4096 },
      { offset: 3_000_000 - 192, length: 197 },
    ],
  }),
  named(Buffer.concat([Buffer.from('hole-'), raw]), { sizeBytes: 1_000_000, sparse: [] }),
  named('sparse, hole at its end', { sizeBytes: 500_000, sparse: [{ offset: 0, length: 4096 }] }),
  named(deep, { sizeBytes: 9 }),
  named('attributes', {
    xattrs: [
      { name: Buffer.from('user.binary'), value: Buffer.from([0, 10, 61, 255, 10]) },
      { name: Buffer.from('user.empty'), value: Buffer.alloc(0) },
      { name: Buffer.from('user.long'), value: Buffer.alloc(1500, 'v') },
    ],
  }),
]

const rootMembers: ArchiveMember[] = [
  named('big owner', { uid: 3_000_000_000, gid: 2_097_152 }),
  named('character', { kind: 'character-device', deviceMajor: 1, deviceMinor: 3 }),
  named('block', { kind: 'block-device', deviceMajor: 259, deviceMinor: 70_000 }),
]

const peers = [
  { tool: 'tar', extract: ['--xattrs', '--xattrs-include=user.*', '-xpf'] },
  { tool: 'bsdtar', extract: ['-xpf'] },
]

for (const { tool, extract } of peers)
  t.test(
    `${tool} extracts what is encoded, name by name and time by time`,
    { skip: missingTools(tool, 'getfattr') },
    (t) => {
      const directory = scratch(t)
      const all = isRoot ? [...members, ...rootMembers] : members
      const file = join(directory, 'a.tar')
      const target = join(directory, 'out')
      mkdirSync(target)
      writeFileSync(file, tarOf(all))
      const said = run(tool, [...extract, file, '-C', target])
      // GNU tar notes the keyword that tells bsdtar about byte names, and a time before 1970; nothing else.
      t.same(
        said
          .split('\n')
          .filter((line) => !/^(tar: .*('hdrcharset'|implausibly old time stamp).*)?$/.test(line)),
        [],
      )
      const seen = look(target)
      for (const member of all) {
        const path = member.path.toString('latin1')
        const entry = seen.get(path)
        t.ok(entry, path)
        if (entry === undefined) continue
        t.equal(entry.mode, member.mode, `mode of ${path}`)
        t.equal(entry.uid, member.uid, `owner of ${path}`)
        t.equal(entry.gid, member.gid, `group of ${path}`)
        t.equal(entry.mtimeNs, member.mtimeNs, `time of ${path}`)
        if (member.kind === 'file') t.ok(entry.content?.equals(contentFor(member)), `content of ${path}`)
        if (member.kind === 'symlink') t.same(entry.link, member.linkTarget, `target of ${path}`)
        if (member.sparse) t.ok(entry.allocatedBytes < 65_536, `${path} is sparse`)
      }
      t.equal(
        seen.get('directory/link')?.inode,
        seen.get('directory/plain')?.inode,
        'hard links share an inode',
      )
      t.equal(seen.get('fifo')?.type, 1)
      if (isRoot) {
        t.equal(seen.get('character')?.device, 0x103n)
        t.equal(seen.get('block')?.device, BigInt((0x111 << 20) | (259 << 8) | (70_000 & 0xff)))
      }
      const xattrs = xattrsOf(join(target, 'attributes'))
      t.equal(xattrs.get('user.binary'), '0x000a3dff0a')
      t.ok(xattrs.has('user.empty'))
      t.equal(xattrs.get('user.long')?.length, 3002)
      t.end()
    },
  )

t.test('GNU tar sets attribute names that hold = and %', { skip: missingTools('tar', 'getfattr') }, (t) => {
  const directory = scratch(t)
  const file = join(directory, 'a.tar')
  const xattrs = [{ name: Buffer.from('user.a=b%c'), value: Buffer.from('v') }]
  writeFileSync(file, tarOf([named('x', { xattrs })]))
  run('tar', ['--xattrs', '-xpf', file, '-C', directory])
  t.equal(xattrsOf(join(directory, 'x')).get('user.a=b%c'), '0x76')
  t.end()
})

t.test('GNU tar sets ACLs', { skip: missingTools('tar', 'setfacl') }, (t) => {
  const directory = scratch(t)
  const file = join(directory, 'a.tar')
  const aclAccess = 'user::rwx\nuser:12345:r--\ngroup::r-x\nmask::r-x\nother::---\n'
  writeFileSync(
    file,
    tarOf([named('d', { kind: 'directory', mode: 0o750, aclAccess, aclDefault: aclAccess })]),
  )
  run('tar', ['--acls', '-xpf', file, '-C', directory])
  const acl = shell('getfacl -cn d', directory)
  t.match(acl, 'user:12345:r--')
  t.match(acl, 'default:user:12345:r--')
  t.end()
})

t.test('a member of 9 GiB is listed with its size', { skip: missingTools('tar', 'bsdtar') }, (t) => {
  const directory = scratch(t)
  const sizeBytes = 9 * 2 ** 30
  const dataFor = { ...named('sparse 9G', { sizeBytes, sparse: [{ offset: sizeBytes - 512, length: 512 }] }) }
  writeFileSync(join(directory, 'a.tar'), Buffer.concat([sparseTar(dataFor)]))
  t.match(shell('tar -tvf a.tar', directory), ' 9663676416 ')
  t.match(shell('bsdtar -tvf a.tar', directory), ' 9663676416 ')
  t.end()
})

/** `tarOf` makes all of a file's content; this makes only what is stored. */
function sparseTar(member: ArchiveMember): Buffer {
  return Buffer.concat([encodeMember(member), Buffer.alloc(512, 'x'), Buffer.alloc(1024)])
}

const layouts = [
  { name: 'pax', args: ['--format=pax', '--xattrs', '--acls', '-S'], tool: 'tar' },
  { name: 'gnu', args: ['--format=gnu', '-S'], tool: 'tar' },
  { name: 'ustar', args: ['--format=ustar'], tool: 'tar' },
  { name: 'v7', args: ['--format=v7'], tool: 'tar' },
  { name: 'bsdtar pax', args: ['--format=pax'], tool: 'bsdtar' },
]

for (const { name, args, tool } of layouts)
  t.test(
    `the parser reads what ${tool} writes as ${name}`,
    { skip: missingTools(tool, 'setfattr', 'setfacl') },
    (t) => {
      const directory = scratch(t)
      const source = join(directory, 'source')
      const carriesAll = name !== 'ustar' && name !== 'v7'
      mkdirSync(source)
      shell(
        `mkdir -p sub/$(printf 'p%.0s' {1..70})
       printf 'hello' > sub/file; ln sub/file sub/hard; ln -s ../target sub/soft
       touch -d '2020-01-02 03:04:05.123456789' sub/file
       ${name === 'v7' ? '' : "printf 'x' > sub/$(printf 'p%.0s' {1..70})/$(printf 'q%.0s' {1..25})"}
       setfattr -n user.note -v 0x000a3d sub/file; setfacl -m u:1234:r sub/file || true
       truncate -s 1000000 sparse
       for at in 0 100 300 500 700 900 1100 1300 1500 1700 1900; do
         printf 'data' | dd of=sparse bs=512 seek=$at conv=notrunc status=none; done`,
        source,
      )
      if (carriesAll) {
        writeFileSync(Buffer.concat([Buffer.from(`${source}/`), raw]), 'raw')
        const far = join(source, ...Array.from({ length: 3 }, () => 'l'.repeat(200)))
        mkdirSync(far, { recursive: true })
        writeFileSync(join(far, 'end'), 'far')
        shell(`mkfifo fifo; ln -s $(printf 't%.0s' {1..300}) long`, source)
      }
      const file = join(directory, 'a.tar')
      run(tool, [...args, '-cf', file, '-C', source, '.'])
      const collector = new Collector()
      const parser = new ArchiveParser()
      const bytes = readFileSync(file)
      for (let at = 0; at < bytes.length; at += 1000) parser.push(bytes.subarray(at, at + 1000), collector)
      parser.finish({ requireEndOfArchive: true })

      const seen = look(source)
      t.equal(collector.stored.length, seen.size + 1, 'every entry, and the root')
      let links = 0
      for (const { member, content } of collector.stored) {
        const path = member.path.toString('latin1').replace(/^\.\/?/, '')
        if (path === '') continue
        const entry = seen.get(path)
        t.ok(entry, path)
        if (entry === undefined) continue
        if (member.kind === 'hardlink') {
          links++
          const first = seen.get((member.linkTarget ?? raw).toString('latin1').replace(/^\.\//, ''))
          t.equal(first?.inode, entry.inode)
          continue
        }
        t.equal(member.mode, entry.mode, `mode of ${path}`)
        t.equal(
          member.mtimeNs,
          name.includes('pax') ? entry.mtimeNs : seconds(entry.mtimeNs),
          `time of ${path}`,
        )
        if (member.kind === 'file') t.ok(content.equals(entry.content ?? raw), `content of ${path}`)
        if (member.kind === 'symlink') t.same(member.linkTarget, entry.link)
      }
      t.equal(links, 1)
      const sparse = collector.stored.find(({ member }) => member.path.toString().endsWith('sparse'))?.member
      if (carriesAll) t.ok((sparse?.sparse?.length ?? 0) > 5, 'the sparse file came sparse')
      const attributes = collector.stored.find(({ member }) => member.xattrs !== undefined)?.member
      if (name.includes('pax')) {
        // With ACLs asked for, GNU tar writes the kernel's binary form of them too.
        const user = attributes?.xattrs?.filter((xattr) => xattr.name.toString().startsWith('user.'))
        t.same(user, [{ name: Buffer.from('user.note'), value: Buffer.from([0, 10, 61]) }])
        t.match(attributes?.aclAccess, /user:1234:r/)
      }
      t.end()
    },
  )

function seconds(timeNs: bigint): bigint {
  return (timeNs / 1_000_000_000n) * 1_000_000_000n
}

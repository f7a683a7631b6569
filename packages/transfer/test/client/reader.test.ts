import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { ArchiveParser, comparePaths, FILE_FLAGS, memberPathOf, type ArchiveMember } from '@nb/formats'
import t from 'tap'
import { portableReadCalls } from '../../src/client/portable-read-calls.ts'
import { loadNativeReadCalls } from '../../src/posix/native-read-calls.ts'
import { PosixError } from '../../src/posix/posix-error.ts'
import { compareTrees, comparesExtended } from './compare-trees.ts'
import { freshDirectory } from './fresh-directory.ts'
import { has, makeTree } from './make-tree.ts'
import { asTarFile, readInThread, type ReadResult } from './read-in-thread.ts'

const latin1 = (path: Uint8Array): string => Buffer.from(path).toString('latin1')
const codes = (result: ReadResult): string[] => result.warnings.map((warning) => warning.code)
const names = (result: ReadResult, root: string): string[] =>
  result.records.map((record) => latin1(record.path).slice(root.length) || '/')

t.test('standard tar unpacks the stream to an equal tree', async (t) => {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  const target = join(directory, 'target')
  mkdirSync(source)
  mkdirSync(target)
  const made = makeTree(source, { seed: 11, deep: false })
  if (made.missing.length > 0) t.comment(`NOT TESTED here: ${made.missing.join(', ')}`)
  if (!comparesExtended()) t.comment('NOT TESTED here: attributes, getfattr is not installed')
  const result = readInThread([source])
  t.strictSame(result.warnings, [])
  t.equal(result.records.length, made.entries + 1)
  const file = join(directory, 'image.tar')
  writeFileSync(file, asTarFile(result))
  const flags = ['--xattrs', '--xattrs-include=*', '--acls', '--same-owner', '--numeric-owner']
  const run = spawnSync('tar', ['-xpf', file, '-C', target, ...flags], { encoding: 'latin1' })
  t.equal(run.status, 0, run.stderr)
  t.strictSame(compareTrees(source, join(target, source)), [])
  if (!has('bsdtar')) return t.comment('NOT TESTED here: bsdtar is not installed')
  const listed = execFileSync('bsdtar', ['-tf', file], {
    encoding: 'latin1',
    env: { ...process.env, LC_ALL: 'C' },
  })
  t.equal(listed.trimEnd().split('\n').length, result.records.length, 'bsdtar sees every member')
})

t.test('the file list is sorted and tells where each member stands', async (t) => {
  const directory = freshDirectory(t)
  makeTree(directory, { seed: 12 })
  const result = readInThread([directory], { blockBytes: 4096 })
  result.records.slice(1).forEach((record, i) => {
    if (comparePaths((result.records[i] as { path: Buffer }).path, record.path) >= 0)
      t.fail(`order of ${latin1(record.path)}`)
  })
  const members = new Map<number, ArchiveMember>()
  const parser = new ArchiveParser()
  parser.push(result.archive, {
    onMember: (member, offset) => void members.set(offset, member),
    onData: () => undefined,
    onMemberEnd: () => undefined,
    onEndOfArchive: () => undefined,
  })
  parser.finish()
  for (const record of result.records) {
    const member = members.get(record.memberOffset)
    if (record.kind !== 'hardlink')
      t.ok(member?.path.equals(memberPathOf(record.path)), latin1(record.path).slice(-60))
    else
      t.ok(
        member !== undefined && member.kind !== 'hardlink',
        'a further name leads to the member with the data',
      )
  }
  t.equal(result.totals.streamBytes, result.archive.length)
  t.strictSame(result.totals.fileList, {
    bytes: result.list.length,
    batches: result.totals.fileList.batches,
    entries: result.records.length,
  })
})

t.test('exclude and include lists, paths never backed up, and sockets', async (t) => {
  const directory = freshDirectory(t)
  for (const path of ['home/ann/letters', 'home/bob', 'state/deep', 'src'])
    mkdirSync(join(directory, path), { recursive: true })
  for (const path of ['home/ann/letters/1', 'home/ann/x', 'home/bob/y', 'state/deep/z', 'src/a.o', 'src/a.c'])
    writeFileSync(join(directory, path), path)
  symlinkSync(join(directory, 'state'), join(directory, 'link-to-state'))
  const server = createServer().listen(join(directory, 'socket'))
  await new Promise((resolve) => server.once('listening', resolve))
  const result = readInThread([directory], {
    exclude: [`${directory}/home/*`, '*.o'],
    include: [`${directory}/home/ann/letters`],
    neverPaths: [join(directory, 'link-to-state/../state'), '/not/there'],
  })
  server.close()
  t.strictSame(names(result, directory), [
    '/',
    '/home',
    '/home/ann',
    '/home/ann/letters',
    '/home/ann/letters/1',
    '/link-to-state',
    '/src',
    '/src/a.c',
  ])
  t.strictSame(
    result.warnings.map((w) => [w.severity, w.code, latin1(w.path)]),
    [['note', 'SOCKET', join(directory, 'socket')]],
  )
  t.equal(result.totals.warnings, 0, 'notes are no warnings')
})

t.test('several roots, nested, given twice and missing ones', async (t) => {
  const directory = freshDirectory(t)
  for (const path of ['a/b', 'a-c']) mkdirSync(join(directory, path), { recursive: true })
  writeFileSync(join(directory, 'single'), 'x')
  const at = (name: string): string => join(directory, name)
  const result = readInThread([at('single'), at('a-c'), at('a/b'), at('a'), at('a//b/'), at('gone')])
  t.strictSame(names(result, directory), ['/a', '/a/b', '/a-c', '/single'])
  t.strictSame(codes(result), ['ENOENT'])
  t.throws(() => readInThread([at('gone'), at('single/x')]), { code: 'source-missing', status: 71 })
  t.throws(() => readInThread(['relative']), { code: 'argument-invalid' })
  t.throws(() => readInThread([`${directory}/a/../single`]), { code: 'argument-invalid' })
})

t.test('another file system mounted inside is left out, unless asked for or selected itself', async (t) => {
  // /proc is mounted on every Linux machine, and /proc/sys/fs/binfmt_misc or not: /dev and what is under it serve.
  const inside = ['/dev/pts', '/dev/mqueue', '/dev/hugepages'].find((path) => {
    try {
      return (
        readdirSync(path) &&
        execFileSync('stat', ['-c', '%d', path]).toString() !==
          execFileSync('stat', ['-c', '%d', '/dev']).toString()
      )
    } catch {
      return false
    }
  })
  if (inside === undefined) return t.comment('NOT TESTED here: no file system is mounted below /dev')
  const only = [`/dev/*`]
  const include = [`${inside}/`]
  const left = readInThread(['/dev'], { exclude: only, include })
  t.ok(codes(left).includes('MOUNT_POINT'))
  t.notOk(left.records.some((record) => latin1(record.path).startsWith(`${inside}/`)))
  const selected = readInThread(['/dev', inside], { exclude: only, include })
  t.notOk(selected.warnings.some((w) => w.code === 'MOUNT_POINT' && latin1(w.path) === inside))
})

t.test('a file that vanishes before it is opened is told and left out', async (t) => {
  const directory = freshDirectory(t)
  for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, name), name)
  const result = readInThread([directory], {
    observe: (moment, path) => {
      if (moment === 'opening' && latin1(path).endsWith('/b')) rmSync(join(directory, 'b'))
    },
  })
  t.strictSame(names(result, directory), ['/', '/a', '/c'])
  t.strictSame(codes(result), ['ENOENT'])
  t.equal(result.totals.warnings, 1)
})

t.test('a file that shrinks is filled up with zeros, one that grows is cut, and both are told', async (t) => {
  const directory = freshDirectory(t)
  const size = 700_000
  for (const name of ['grows', 'shrinks', 'touched', 'zz-after'])
    writeFileSync(join(directory, name), Buffer.alloc(size, name[0]))
  const once = new Set<string>()
  const result = readInThread([directory], {
    blockBytes: 65_536,
    observe: (moment, path) => {
      const name = latin1(path).slice(directory.length + 1)
      if (moment !== 'block-read' || once.has(name)) return
      once.add(name)
      if (name === 'grows') appendFileSync(join(directory, name), 'more')
      if (name === 'shrinks') truncateSync(join(directory, name), 100_000)
      if (name === 'touched') utimesSync(join(directory, name), 1, 1)
    },
  })
  t.strictSame(codes(result), ['GREW', 'SHRUNK', 'CHANGED'])
  const flags = new Map(
    result.records.map((record) => [latin1(record.path).slice(directory.length + 1), record.flags]),
  )
  t.equal(flags.get('grows'), FILE_FLAGS.changedWhileRead)
  t.equal(flags.get('shrinks'), FILE_FLAGS.changedWhileRead | FILE_FLAGS.shrunkWhileRead)
  t.equal(flags.get('touched'), FILE_FLAGS.changedWhileRead)
  const contents = contentsOf(result.archive)
  t.ok(contents.get('grows')?.equals(Buffer.alloc(size, 'g')))
  t.equal(contents.get('shrinks')?.length, size)
  t.ok(contents.get('shrinks')?.subarray(100_000).equals(Buffer.alloc(600_000)))
  t.ok(contents.get('zz-after')?.equals(Buffer.alloc(size, 'z')), 'what follows is whole')
})

t.test(
  'a file that is replaced before it is opened is backed up as it is then; a link in its place is not followed',
  async (t) => {
    const directory = freshDirectory(t)
    for (const name of ['a', 'b', 'c']) writeFileSync(join(directory, name), 'old')
    const result = readInThread([directory], {
      observe: (moment, path) => {
        if (moment !== 'opening') return
        const name = latin1(path)
        if (name.endsWith('/a')) {
          writeFileSync(join(directory, 'new'), 'new content')
          renameSync(join(directory, 'new'), name)
        }
        if (name.endsWith('/b')) {
          rmSync(name)
          symlinkSync('/etc/passwd', name)
        }
        if (name.endsWith('/c')) {
          rmSync(name)
          execFileSync('mkfifo', [name])
        }
      },
    })
    t.strictSame(names(result, directory), ['/', '/a'])
    t.strictSame(codes(result), ['ELOOP', 'REPLACED'])
    t.equal(contentsOf(result.archive).get('a')?.toString(), 'new content')
  },
)

t.test(
  'a disk error in the middle of a file: zeros stand for what could not be read, what follows is whole',
  async (t) => {
    const native = loadNativeReadCalls()
    if (typeof native === 'string') return void t.comment(`NOT TESTED here: ${native}`)
    const directory = freshDirectory(t)
    for (const name of ['bad', 'good']) writeFileSync(join(directory, name), Buffer.alloc(400_000, name))
    let isFailing = false
    let isHit = false
    const result = readInThread([directory], {
      blockBytes: 65_536,
      observe: (moment, path) => {
        isFailing = moment === 'block-read' && latin1(path).endsWith('/bad')
      },
      calls: {
        ...native,
        readInto: (fd, into, at, length, position) => {
          if (!isFailing) return native.readInto(fd, into, at, length, position)
          isHit = true
          throw new PosixError('pread', constants.errno.EIO)
        },
      },
    })
    t.ok(isHit)
    t.strictSame(codes(result), ['EIO'])
    const contents = contentsOf(result.archive)
    t.equal(contents.get('bad')?.length, 400_000)
    t.equal(contents.get('bad')?.at(-1), 0)
    t.ok(contents.get('good')?.equals(Buffer.alloc(400_000, 'good')))
    t.not(result.records[1]?.flags, 0, 'the next incremental reads it again')
  },
)

t.test('without native calls the content is saved all the same', async (t) => {
  const directory = freshDirectory(t)
  mkdirSync(join(directory, 'd'))
  writeFileSync(join(directory, 'd/a'), 'content')
  truncateSync(join(directory, 'd/a'), 1 << 20)
  const result = readInThread([directory], { calls: portableReadCalls() })
  t.strictSame(result.warnings, [])
  t.strictSame(names(result, directory), ['/', '/d', '/d/a'])
  const whole = Buffer.concat([Buffer.from('content'), Buffer.alloc((1 << 20) - 7)])
  t.ok(contentsOf(result.archive).get('a')?.equals(whole))
})

t.test('a directory that is replaced by a link while it is walked is not followed', async (t) => {
  const directory = freshDirectory(t)
  mkdirSync(join(directory, 'd'))
  writeFileSync(join(directory, 'd/inside'), 'inside')
  writeFileSync(join(directory, 'a'), 'a')
  const result = readInThread([directory], {
    observe: (moment, path) => {
      if (moment !== 'opening' || !latin1(path).endsWith('/a')) return
      renameSync(join(directory, 'd'), join(directory, 'moved'))
      symlinkSync('/etc', join(directory, 'd'))
    },
  })
  t.notOk(names(result, directory).includes('/d/passwd'))
})

t.test('hard links: one member holds the data, every name leads to it', async (t) => {
  const directory = freshDirectory(t)
  writeFileSync(join(directory, 'b'), 'shared')
  linkSync(join(directory, 'b'), join(directory, 'a'))
  mkdirSync(join(directory, 'c'))
  linkSync(join(directory, 'b'), join(directory, 'c/d'))
  const result = readInThread([directory])
  const byName = new Map(
    result.records.map((record) => [latin1(record.path).slice(directory.length), record]),
  )
  t.strictSame(
    [...byName].map(([name, record]) => [name, record.kind]),
    [
      ['', 'directory'],
      ['/a', 'file'],
      ['/b', 'hardlink'],
      ['/c', 'directory'],
      ['/c/d', 'hardlink'],
    ],
  )
  t.equal(byName.get('/b')?.memberOffset, byName.get('/a')?.memberOffset)
  t.equal(byName.get('/c/d')?.memberBytes, byName.get('/a')?.memberBytes)
  t.equal(byName.get('/b')?.linkTarget?.toString(), join(directory, 'a'))
})

t.test('names deeper than any path the system takes are backed up', async (t) => {
  const directory = freshDirectory(t)
  makeTree(directory, { seed: 13 })
  const result = readInThread([directory])
  const longest = Math.max(...result.records.map((record) => record.path.length))
  t.ok(longest > 4096, `${longest} bytes`)
  t.ok(result.records.some((record) => latin1(record.path).endsWith('/bottom') && record.kind === 'file'))
  t.strictSame(result.warnings, [])
})

t.test('a directory tree of six hundred levels needs few open files', async (t) => {
  const directory = freshDirectory(t)
  // Made by a shell that walks down, since no path reaches that far; on each level a file that comes after the way down.
  execFileSync('sh', [
    '-c',
    'cd "$1"; i=0; while [ $i -lt 600 ]; do : > zz; mkdir d; cd -P d; i=$((i+1)); done',
    'sh',
    directory,
  ])
  let most = 0
  const result = readInThread([directory], {
    observe: (moment) => {
      if (moment === 'opened') most = Math.max(most, readdirSync('/proc/self/fd').length)
    },
  })
  t.equal(result.records.length, 1 + 600 + 600)
  t.strictSame(result.warnings, [])
  t.ok(most < 300, `${most} open`)
})

t.test('a listing is complete where the mode forbids nothing to root', async (t) => {
  const directory = freshDirectory(t)
  writeFileSync(join(directory, 'secret'), 'x')
  chmodSync(join(directory, 'secret'), 0)
  const result = readInThread([directory])
  if (process.getuid?.() === 0) t.strictSame(codes(result), [])
  else {
    t.strictSame(codes(result), ['EACCES'])
    t.equal(result.records.at(-1)?.flags, FILE_FLAGS.unreadable)
  }
})

/** Content of each file in the archive, by its last name. */
function contentsOf(archive: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  let name = ''
  let data: Buffer = Buffer.alloc(0)
  const parser = new ArchiveParser()
  parser.push(archive, {
    onMember(member) {
      name = latin1(member.path).split('/').at(-1) ?? ''
      data = Buffer.alloc(member.sizeBytes)
    },
    onData: (chunk, offset) => void chunk.copy(data, offset),
    onMemberEnd: () => void found.set(name, data),
    onEndOfArchive: () => undefined,
  })
  parser.finish()
  return found
}

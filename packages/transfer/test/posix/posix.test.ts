import { execFileSync } from 'node:child_process'
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { AT, O, S_IF } from '../../src/posix/constants.ts'
import { descriptorPath, loadPosix, type Posix } from '../../src/posix/posix.ts'
import { PosixError } from '../../src/posix/posix-error.ts'

const loaded = loadPosix()
if (typeof loaded === 'string') {
  t.comment(`SKIPPED, no system calls here: ${loaded}`)
  t.pass('nothing to test on this platform')
} else tests(loaded)

function tests(posix: Posix): void {
  const open = (path: string, flags = O.RDONLY): number => posix.open(AT.FDCWD, Buffer.from(path), flags)
  const b = (text: string): Buffer => Buffer.from(text, 'latin1')

  t.test('a stat says what Node says, to the nanosecond', async (t) => {
    const dir = t.testdir({ file: 'content', link: t.fixture('symlink', 'file') })
    const fd = open(dir, O.RDONLY | O.DIRECTORY)
    for (const name of ['file', 'link', '']) {
      const ours = posix.stat(fd, b(name))
      const theirs = lstatSync(join(dir, name), { bigint: true })
      t.equal(BigInt(ours.mode), theirs.mode)
      t.equal(ours.ino, theirs.ino)
      t.equal(BigInt(ours.size), theirs.size)
      t.equal(BigInt(ours.nlink), theirs.nlink)
      t.equal(BigInt(ours.blocks), theirs.blocks)
      t.equal(ours.mtimeNs, theirs.mtimeNs)
      t.equal(ours.ctimeNs, theirs.ctimeNs)
      t.equal(ours.atimeNs, theirs.atimeNs)
    }
    const device = posix.stat(AT.FDCWD, b('/dev/null'))
    t.strictSame([device.rdevMajor, device.rdevMinor, device.mode & S_IF.MASK], [1, 3, S_IF.CHAR])
    posix.close(fd)
  })

  t.test(
    'times keep every nanosecond, also of a symbolic link; those after 2262 are read as the nearest of a list',
    async (t) => {
      const LATEST = 2n ** 63n - 1n
      const nearest = (time: bigint): bigint => (time > LATEST ? LATEST : time)
      const dir = t.testdir({ file: '', link: t.fixture('symlink', 'nowhere') })
      const fd = open(dir)
      // ext4 keeps 34 bits of seconds from 1901 on.
      const time = fc.bigInt({ min: -2_000_000_000_000_000_000n, max: 15_000_000_000_000_000_000n })
      fc.assert(
        fc.property(time, time, fc.constantFrom('file', 'link'), (atime, mtime, name) => {
          posix.setTimes(fd, b(name), atime, mtime)
          const set = lstatSync(join(dir, name), { bigint: true })
          t.strictSame([set.atimeNs, set.mtimeNs], [atime, mtime])
          const stat = posix.stat(fd, b(name))
          t.strictSame([stat.atimeNs, stat.mtimeNs], [nearest(atime), nearest(mtime)])
          const moved = [mtime > LATEST ? ['modification time'] : [], atime > LATEST ? ['access time'] : []]
          t.strictSame(stat.movedTimes, moved.flat())
        }),
        { numRuns: 100 },
      )
      const file = open(join(dir, 'file'))
      posix.setTimesFd(file, 1n, -1n)
      t.equal(posix.statFd(file).mtimeNs, -1n)
      posix.close(file)
      posix.close(fd)
    },
  )

  t.test('a directory lists every name as its bytes', async (t) => {
    const dir = t.testdir({})
    const fd = open(dir)
    const names = [b('plain'), Buffer.from([0xff, 0xfe, 0x01]), Buffer.alloc(255, 0xe9), b('..hidden')]
    for (let i = 0; i < 3000; i++) names.push(b(`many-${i}`))
    for (const name of names) posix.close(posix.open(fd, name, O.WRONLY | O.CREAT | O.EXCL, 0o600))
    const listed = posix.readDirectory(fd).map((entry) => entry.name)
    t.strictSame(listed.map((n) => n.toString('hex')).sort(), names.map((n) => n.toString('hex')).sort())
    posix.close(fd)
  })

  t.test('errors carry the errno name, and a NUL never reaches the kernel', async (t) => {
    t.throws(() => posix.open(AT.FDCWD, b('/nowhere/at/all'), O.RDONLY), {
      code: 'ENOENT',
      syscall: 'openat',
    })
    t.throws(() => posix.open(AT.FDCWD, b('/etc\0/passwd'), O.RDONLY), { code: 'EINVAL' })
    t.throws(() => posix.open(AT.FDCWD, Buffer.alloc(5000, 0x61), O.RDONLY), { code: 'ENAMETOOLONG' })
    t.throws(() => posix.close(-1), PosixError)
  })

  t.test('openat2 follows no link and leaves no directory', async (t) => {
    const dir = t.testdir({
      inside: { file: 'x', out: t.fixture('symlink', '/etc'), up: t.fixture('symlink', '..') },
    })
    const fd = open(join(dir, 'inside'))
    posix.close(posix.openBeneath(fd, b('file'), O.RDONLY))
    for (const path of ['out/passwd', 'up/inside/file', '../inside/file', '/etc/passwd']) {
      t.throws(() => posix.openBeneath(fd, b(path), O.RDONLY), PosixError, path)
    }
    posix.close(fd)
  })

  t.test('holes are found and data is read and written at its place', async (t) => {
    const file = join(t.testdir({}), 'sparse')
    const out = openSync(file, 'w')
    ftruncateSync(out, 1 << 20)
    writeSync(out, Buffer.alloc(4096, 1), 0, 4096, 256 * 1024)
    closeSync(out)
    const fd = open(file, O.RDWR)
    const data = posix.seekData(fd, 0)
    t.equal(data, 256 * 1024)
    t.equal(posix.seekHole(fd, 256 * 1024), 260 * 1024)
    t.equal(posix.seekData(fd, 300 * 1024), undefined)
    t.equal(posix.seekHole(fd, 300 * 1024), 300 * 1024)
    const shared = new Uint8Array(new SharedArrayBuffer(8))
    t.equal(posix.readAt(fd, shared, 256 * 1024 + 4094), 8)
    t.strictSame([...shared], [1, 1, 0, 0, 0, 0, 0, 0])
    posix.writeAt(fd, b('tail'), (1 << 20) + 5_000_000_000)
    t.equal(statSync(file).size, (1 << 20) + 5_000_000_004)
    posix.truncate(fd, 5)
    t.equal(statSync(file).size, 5)
    t.equal(posix.readAt(fd, new Uint8Array(10), 0), 5)
    posix.close(fd)
  })

  t.test('names are made, linked, renamed and removed relative to a directory', async (t) => {
    const dir = t.testdir({})
    const fd = open(dir)
    posix.makeDirectory(fd, b('d'), 0o700)
    posix.symlink(b('some\xfftarget'), fd, b('l'))
    t.ok(posix.readLink(fd, b('l')).equals(b('some\xfftarget')))
    t.ok(readlinkSync(join(dir, 'l'), { encoding: 'buffer' }).equals(b('some\xfftarget')))
    posix.link(fd, b('l'), fd, b('l2'))
    t.equal(lstatSync(join(dir, 'l2')).nlink, 2)
    posix.makeFifo(fd, b('p'), 0o640)
    t.ok(lstatSync(join(dir, 'p')).isFIFO())
    writeFileSync(join(dir, 'a'), 'a')
    writeFileSync(join(dir, 'b'), 'b')
    t.throws(() => posix.rename(fd, b('a'), fd, b('b'), { exclusive: true }), { code: 'EEXIST' })
    posix.rename(fd, b('a'), fd, b('b'))
    t.equal(readFileSync(join(dir, 'b'), 'utf8'), 'a')
    posix.unlink(fd, b('p'))
    posix.removeDirectory(fd, b('d'))
    t.strictSame(
      posix
        .readDirectory(fd)
        .map((e) => e.name.toString())
        .sort(),
      ['b', 'l', 'l2'],
    )
    posix.close(fd)
  })

  t.test('extended attributes come and go, on files, by descriptor path and on deep names', async (t) => {
    const dir = t.testdir({ file: '' })
    const fd = open(join(dir, 'file'))
    try {
      posix.setAttributeFd(fd, b('user.one'), Buffer.from([0, 1, 255]))
    } catch (error) {
      posix.close(fd)
      if (error instanceof PosixError && error.code === 'ENOTSUP') {
        t.comment('SKIPPED: no user attributes on this file system')
        return
      }
      throw error
    }
    posix.setAttributeFd(fd, b('user.empty'), Buffer.alloc(0))
    const viaProc = descriptorPath(fd)
    posix.setAttributeAt(viaProc, b('user.big'), Buffer.alloc(1500, 7), { follow: true })
    t.strictSame(posix.listAttributesFd(fd).map(String).sort(), ['user.big', 'user.empty', 'user.one'])
    t.strictSame([...(posix.getAttributeFd(fd, b('user.one')) ?? [])], [0, 1, 255])
    t.equal(posix.getAttributeFd(fd, b('user.empty'))?.length, 0)
    t.equal(posix.getAttributeFd(fd, b('user.none')), undefined)
    t.equal(posix.getAttributeAt(b(join(dir, 'file')), b('user.big'))?.length, 1500)
    t.equal(posix.removeAttributeFd(fd, b('user.one')), true)
    t.equal(posix.removeAttributeFd(fd, b('user.one')), false)
    t.strictSame(
      posix
        .listAttributesAt(b(join(dir, 'file')))
        .map(String)
        .sort(),
      ['user.big', 'user.empty'],
    )
    posix.close(fd)
  })

  t.test('owners, modes and device nodes are set where the caller may', async (t) => {
    const dir = t.testdir({ file: '', link: t.fixture('symlink', 'file') })
    const fd = open(dir)
    const file = open(join(dir, 'file'))
    posix.chmodFd(file, 0o4751)
    t.equal(posix.statFd(file).mode & 0o7777, 0o4751)
    posix.chmodPath(descriptorPath(file), 0o600)
    t.equal(posix.statFd(file).mode & 0o7777, 0o600)
    if (process.getuid?.() !== 0) {
      t.throws(() => posix.chown(fd, b('link'), 1234, 4_000_000_000), { code: 'EPERM' })
      return
    }
    posix.chown(fd, b('link'), 1234, 4_000_000_000)
    posix.chown(file, b(''), 5, 6)
    t.strictSame([posix.stat(fd, b('link')).uid, posix.stat(fd, b('link')).gid], [1234, 4_000_000_000])
    t.strictSame([posix.statFd(file).uid, posix.statFd(file).gid], [5, 6])
    try {
      posix.makeNode(fd, b('dev'), S_IF.BLOCK | 0o600, 259, 1_000_000)
      const node = posix.stat(fd, b('dev'))
      t.strictSame([node.mode & S_IF.MASK, node.rdevMajor, node.rdevMinor], [S_IF.BLOCK, 259, 1_000_000])
      t.equal(
        execFileSync('stat', ['-c', '%t:%T', join(dir, 'dev')], { encoding: 'utf8' }).trim(),
        '103:f4240',
      )
    } catch (error) {
      if (!(error instanceof PosixError) || error.code !== 'EPERM') throw error
      t.comment('device nodes may not be made here')
    }
    posix.close(file)
    posix.close(fd)
    mkdirSync(join(dir, 'x'))
    symlinkSync('x', join(dir, 'y'))
  })
}

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { IdentitySet } from '../../src/client/identity.ts'
import { loadReadCalls } from '../../src/client/load-read-calls.ts'
import { portableReadCalls } from '../../src/client/portable-read-calls.ts'
import { AT, O } from '../../src/posix/constants.ts'
import { loadPosix } from '../../src/posix/posix.ts'
import { createSelection } from '../../src/client/selection.ts'
import { walk } from '../../src/client/walk.ts'
import { freshDirectory } from './fresh-directory.ts'

t.test(
  'without native calls a tree is walked all the same, and files say the same of themselves',
  async (t) => {
    const directory = freshDirectory(t)
    mkdirSync(join(directory, 'd'))
    for (const name of ['a', 'd/b', 'd/c']) writeFileSync(join(directory, name), name)
    symlinkSync('a', join(directory, 'link'))
    const calls = portableReadCalls()
    const seen: string[] = []
    const native = loadPosix()
    const summary = walk({
      calls,
      roots: { roots: [Buffer.from(directory)], inner: [] },
      selection: createSelection({ exclude: ['c'], include: [] }),
      crossMountPoints: false,
      never: new IdentitySet(),
      warn: (warning) => t.fail(warning.text),
      visit: (entry) => {
        seen.push(entry.path.toString().slice(directory.length))
        if (typeof native === 'string') return
        const { mountId: _ours, ...theirs } = native.stat(AT.FDCWD, entry.path)
        const { mountId, ...stat } = entry.stat
        // Directories are opened on the way, which moves their access time.
        const unread = { atimeSeconds: 0, atimeNanos: 0 }
        t.strictSame({ ...stat, ...unread }, { ...theirs, ...unread })
        t.equal(mountId, -1)
      },
    })
    t.strictSame(seen, ['', '/a', '/d', '/d/b', '/link'])
    t.strictSame(summary, { found: 1, readable: 1 })
  },
)

t.test('files are read at positions, links are read, errors carry their code', async (t) => {
  const directory = freshDirectory(t)
  writeFileSync(join(directory, 'f'), 'content')
  symlinkSync('elsewhere', join(directory, 'l'))
  const calls = portableReadCalls()
  const at = calls.open(AT.FDCWD, Buffer.from(directory), O.RDONLY | O.DIRECTORY)
  const fd = calls.open(at, Buffer.from('f'), O.RDONLY | O.NOFOLLOW | O.NONBLOCK)
  const into = Buffer.alloc(4)
  t.equal(calls.readAt(fd, into, 3), 4)
  t.equal(into.toString(), 'tent')
  t.equal(calls.readLink(at, Buffer.from('l')).toString(), 'elsewhere')
  t.throws(() => calls.open(at, Buffer.from('l'), O.RDONLY | O.NOFOLLOW), { code: 'ELOOP' })
  t.throws(() => calls.stat(at, Buffer.from('none')), { code: 'ENOENT' })
  t.strictSame([calls.seekData(fd, 0), calls.seekHole(fd, 0)], [0, undefined], 'all of it is data')
  t.strictSame(calls.listAttributesFd(fd), [])
  calls.close(fd)
  calls.close(at)
})

t.test('files of Windows are refused, before anything of them is read', async (t) => {
  t.throws(() => loadReadCalls(() => t.fail('there is nothing to warn of'), 'win32'), {
    code: 'not-supported',
    status: 228,
    message: /Windows can not be backed up yet/,
  })
})

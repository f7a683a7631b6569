import { execFileSync, fork } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freshDirectory } from '../fresh-directory.ts'
import { archiveOf, removeInThread } from './remove-in-thread.ts'

/** A tree below `source`, and a directory beside it that nothing may touch. */
function ground(t: Test, paths: readonly string[]) {
  const directory = freshDirectory(t)
  const source = join(directory, 'source')
  const outside = join(directory, 'outside')
  for (const each of [source, outside]) mkdirSync(each)
  for (const path of paths) {
    const file = join(source, path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, `content of ${path}`)
  }
  return { directory, source, outside, at: (path: string): string => join(source, path) }
}

function treeOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort()
}

t.test(
  'an archive that nobody touched is gone afterwards, its directories too, and nothing else',
  async (t) => {
    const { directory, source, at } = ground(t, ['a', 'd/b', 'd/e/c'])
    symlinkSync('a', at('link'))
    execFileSync('mkfifo', [at('fifo')])
    mkdirSync(at('empty'))
    writeFileSync(join(directory, 'neighbour'), '')
    const { totals, warnings } = removeInThread(archiveOf([source]))
    t.same(totals, { removed: 9, kept: 0, warnings: 0 })
    t.same(warnings, [])
    t.same(treeOf(directory), ['neighbour', 'outside'])
  },
)

t.test('an archive removes only what did not change', async (t) => {
  const changes: readonly [what: string, change: (at: (path: string) => string) => void][] = [
    ['longer', (at) => appendFileSync(at('d/file'), 'more')],
    ['other content of the same length and time', (at) => rewrite(at('d/file'))],
    ['other rights', (at) => chmodSync(at('d/file'), 0o600)],
    ['another time', (at) => utimesSync(at('d/file'), 1, 1)],
    ['another file in its place', (at) => replace(at('d/file'))],
    ['a directory in its place', (at) => (unlinkSync(at('d/file')), mkdirSync(at('d/file')))],
    ['a link in its place', (at) => (unlinkSync(at('d/file')), symlinkSync('x', at('d/file')))],
    ['a file that came later', (at) => writeFileSync(at('d/later'), '')],
  ]
  for (const [what, change] of changes) {
    const { source, at } = ground(t, ['d/file', 'same'])
    const list = archiveOf([source])
    change(at)
    const before = what === 'a file that came later' ? ['d', 'd/later'] : ['d', 'd/file']
    const { totals, codes } = removeInThread(list)
    t.same(treeOf(source), before, what)
    // The file, its directory and the one above, which are not empty; or those two alone.
    t.equal(totals.kept, before[1] === 'd/file' ? 3 : 2, what)
    t.equal(codes.includes('CHANGED'), before[1] === 'd/file', what)
  }
})

t.test('what is gone already is no failure, and a second run finds nothing to do', async (t) => {
  const { source, at } = ground(t, ['a', 'd/b'])
  const list = archiveOf([source])
  unlinkSync(at('a'))
  t.match(removeInThread(list).totals, { removed: 3, kept: 0 })
  t.match(removeInThread(list).totals, { removed: 0, kept: 0, warnings: 0 })
})

t.test('all names of a file are removed, though each removal changes the file', async (t) => {
  const { directory, source, at } = ground(t, ['a'])
  mkdirSync(at('d'))
  linkSync(at('a'), at('b'))
  linkSync(at('a'), at('d/c'))
  linkSync(at('a'), join(directory, 'outside/kept'))
  t.match(removeInThread(archiveOf([source])).totals, { removed: 5, kept: 0 })
  t.same(treeOf(directory), ['outside', 'outside/kept'])
})

t.test('what was not saved soundly stays', async (t) => {
  const { source, at } = ground(t, ['a', 'b'])
  const list = archiveOf([source], { laterMs: -1000 })
  // Both were written just before they were read, or a moment later by a clock that is behind: a busy machine cannot make that long ago.
  t.match(removeInThread(list), { totals: { removed: 0, kept: 3 }, codes: ['CHANGED', 'CHANGED'] })
  t.same(treeOf(source), ['a', 'b'])
  const changing = archiveOf([source], {
    observe: (moment, path) => {
      if (moment === 'opened' && path.toString().endsWith('/a')) appendFileSync(at('a'), 'grows')
    },
  })
  t.match(removeInThread(changing), { totals: { removed: 1 } })
  t.same(treeOf(source), ['a'])
})

t.test('the files of the backup system itself are never removed, whatever leads to them', async (t) => {
  const { source, at } = ground(t, ['own/state', 'own/deep/state', 'data', 'one'])
  const list = archiveOf([source])
  const { totals, codes } = removeInThread(list, { neverPaths: [at('own'), at('one'), '/nowhere/at/all'] })
  t.same(treeOf(source), ['one', 'own', 'own/deep', 'own/deep/state', 'own/state'])
  t.equal(totals.removed, 1)
  t.same(new Set(codes.filter((code) => code === 'NEVER')).size, 1)
})

t.test('a selection behind a symbolic link is removed where it was read, and not elsewhere', async (t) => {
  const { directory, source, outside } = ground(t, ['in/a', 'in/b'])
  symlinkSync(source, join(directory, 'way'))
  const list = archiveOf([join(directory, 'way/in')])
  // The way leads to other files of the same names now, which are the same to the nanosecond.
  mkdirSync(join(outside, 'in'))
  for (const name of ['a', 'b']) linkSync(join(source, 'in', name), join(outside, 'in', name))
  unlinkSync(join(directory, 'way'))
  symlinkSync(outside, join(directory, 'way'))
  t.match(removeInThread(list), { totals: { removed: 0, kept: 3 }, codes: ['TARGET_UNSAFE'] })
  t.same(treeOf(outside), ['in', 'in/a', 'in/b'])
  for (const name of ['a', 'b']) unlinkSync(join(outside, 'in', name))
  const again = archiveOf([join(source, 'in')])
  t.ok(again.length > 0)
  unlinkSync(join(directory, 'way'))
  symlinkSync(source, join(directory, 'way'))
  const fresh = archiveOf([join(directory, 'way/in')])
  t.match(removeInThread(fresh).totals, { removed: 3, kept: 0 })
  t.same(treeOf(source), [])
})

t.test('what stands above the selections stays, and so does the root of all', async (t) => {
  const { source, at } = ground(t, ['deep/er/file'])
  t.match(removeInThread(archiveOf([at('deep/er/file')])).totals, { removed: 1, kept: 0 })
  t.same(treeOf(source), ['deep', 'deep/er'])
})

t.test('a list of another image, and one that is damaged, are refused', async (t) => {
  const { source } = ground(t, ['a'])
  const list = archiveOf([source])
  t.throws(() => removeInThread(list, { backupId: 'client_2' }), {
    code: 'file-list-corrupt',
    message: /of client_1, not/,
  })
  const damaged = Buffer.from(list)
  damaged[damaged.length - 10] = (damaged[damaged.length - 10] ?? 0) ^ 1
  t.throws(() => removeInThread(damaged), { code: 'file-list-corrupt' })
  t.throws(() => removeInThread(list.subarray(0, -3)), { code: 'file-list-corrupt' })
  t.same(treeOf(source), ['a'])
})

t.test('a file that another program puts in its place at the last moment stays', async (t) => {
  for (const moment of ['checked', 'set-aside'] as const) {
    const { source, at } = ground(t, ['file'])
    const list = archiveOf([source])
    const observe = (now: string): void => {
      if (now === moment) replace(at('file'), 'new work')
    }
    removeInThread(list, { observe })
    t.equal(readFileSync(at('file'), 'utf8'), 'new work', moment)
    t.same(treeOf(source), ['file'], 'nothing is left of the removal')
  }
})

t.test(
  'a file that changes at the last moment comes back, under another name where its own is taken',
  async (t) => {
    const { source, at } = ground(t, ['file'])
    const list = archiveOf([source])
    const observe = (moment: string): void => {
      if (moment !== 'set-aside') return
      const [aside = ''] = treeOf(source)
      appendFileSync(at(aside), ' and more')
      writeFileSync(at('file'), 'another')
    }
    const { totals, warnings } = removeInThread(list, { observe })
    t.equal(totals.removed, 0)
    const [aside = '', own] = treeOf(source)
    t.equal(own, 'file')
    t.equal(readFileSync(at(aside), 'utf8'), 'content of file and more')
    t.match(warnings[0]?.text, new RegExp(`stays under the name ${aside.replaceAll('.', '\\.')}`))
  },
)

t.test('a directory that is swapped for a link while files are removed from it', async (t) => {
  for (const moment of ['directory-opened', 'checked', 'set-aside'] as const) {
    const { directory, source, outside, at } = ground(t, ['d/a', 'd/b', 'd/e/c', 'd/z'])
    mkdirSync(join(outside, 'e'))
    for (const path of ['a', 'b', 'e/c', 'z']) linkSync(at(join('d', path)), join(outside, path))
    const list = archiveOf([source])
    let swaps = 0
    const observe = (now: string): void => {
      if (now !== moment || !existsSync(at('d'))) return
      renameSync(at('d'), join(directory, `away-${swaps++}`))
      symlinkSync(outside, at('d'))
    }
    removeInThread(list, { observe })
    t.ok(swaps > 0, `the attack at ${moment} took place`)
    t.strictSame(treeOf(outside), ['a', 'b', 'e', 'e/c', 'z'], moment)
  }
})

t.test('a process that swaps directory and link as fast as it can', async (t) => {
  const { source, outside, at } = ground(t, [])
  const names = Array.from({ length: 200 }, (_, i) => `f${i}`)
  const attack = async (work: () => void): Promise<void> => {
    const attacker = fork(new URL('removal-attacker.ts', import.meta.url), [source, outside], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    await new Promise((resolve) => attacker.once('message', resolve))
    work()
    const gone = new Promise((resolve) => attacker.once('exit', resolve))
    attacker.kill()
    await gone
  }
  let kept = 0
  for (let round = 0; round < 2; round++) {
    execFileSync('sh', ['-c', 'rm -rf "$1"/*', 'sh', source])
    mkdirSync(at('d'), { recursive: true })
    for (const name of names) {
      writeFileSync(at(join('d', name)), name)
      if (existsSync(join(outside, name))) unlinkSync(join(outside, name))
      // The very file: it is as listed, wherever it is reached.
      linkSync(at(join('d', name)), join(outside, name))
    }
    const list = archiveOf([source])
    await attack(() => {
      for (let again = 0; again < 3; again++) kept += removeInThread(list).totals.kept
    })
    t.equal(readdirSync(outside).length, names.length, `round ${round}`)
  }
  t.comment(`${kept} entries were kept while the attacker was at work`)
})

/** Other content, of the same length and modification time. */
function rewrite(file: string): void {
  execFileSync('touch', ['-r', file, `${file}.time`])
  const length = readFileSync(file).length
  writeFileSync(file, 'x'.repeat(length))
  execFileSync('touch', ['-r', `${file}.time`, file])
  unlinkSync(`${file}.time`)
}

/** As editors and databases do it: written beside, renamed over. */
function replace(file: string, content = 'x'.repeat(readFileSync(file).length)): void {
  writeFileSync(`${file}.new`, content)
  renameSync(`${file}.new`, file)
}

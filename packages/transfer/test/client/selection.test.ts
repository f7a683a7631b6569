import { pathFromBytes, toPath } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { createSelection, type Standing } from '../../src/client/selection.ts'

/** What becomes of a path (a directory when it ends in a slash), judged from the root down as a walk does. */
function verdictOf(path: string, exclude: readonly string[], include: readonly string[] = []): string {
  const selection = createSelection({ exclude, include })
  const names = path.split('/').filter((name) => name !== '')
  let above: Standing | undefined
  for (let depth = 1; depth <= names.length; depth++) {
    const isDirectory = depth < names.length || path.endsWith('/')
    above = selection.judge(names.slice(0, depth).map(toPath), isDirectory, above)
    if (above.verdict === 'skip') return depth === names.length ? 'skip' : 'skipped above'
  }
  return above?.verdict ?? 'take'
}

t.test('a pattern with a slash in front names a path from the root', async (t) => {
  t.equal(verdictOf('/home/ann/cache', ['/home/ann/cache']), 'skip')
  t.equal(verdictOf('/srv/home/ann/cache', ['/home/ann/cache']), 'take')
  t.equal(verdictOf('/home/ann/cache/deep/file', ['/home/ann/cache']), 'skipped above')
  t.equal(verdictOf('/home/ann', ['/home/ann/cache']), 'take')
})

t.test('any other pattern names the end of a path, wherever', async (t) => {
  for (const path of ['/core', '/a/core', '/a/b/core/']) t.equal(verdictOf(path, ['core']), 'skip', path)
  t.equal(verdictOf('/a/score', ['core']), 'take')
  t.equal(verdictOf('/x/b/c', ['b/c']), 'skip')
  t.equal(verdictOf('/x/bb/c', ['b/c']), 'take')
})

t.test('a slash behind means directories only', async (t) => {
  t.equal(verdictOf('/a/tmp/', ['tmp/']), 'skip')
  t.equal(verdictOf('/a/tmp', ['tmp/']), 'take')
  t.equal(verdictOf('/a/tmp/file', ['/a/tmp/']), 'skipped above')
})

t.test('stars, question marks and sets stay within a name', async (t) => {
  t.equal(verdictOf('/a/x.o', ['*.o']), 'skip')
  t.equal(verdictOf('/a/.o', ['*.o']), 'skip')
  t.equal(verdictOf('/home/ann/x/tmp', ['/home/*/tmp']), 'take', 'a star is no path')
  t.equal(verdictOf('/home/ann/tmp', ['/home/*/tmp']), 'skip')
  t.equal(verdictOf('/a/log.1', ['log.?']), 'skip')
  t.equal(verdictOf('/a/log.ü', ['log.?']), 'skip', 'one character, not one byte')
  t.equal(verdictOf('/a/log.10', ['log.?']), 'take')
  t.equal(verdictOf('/a/log.7', ['log.[0-9]']), 'skip')
  t.equal(verdictOf('/a/log.x', ['log.[!0-9]']), 'skip')
  t.equal(verdictOf('/a/log.]', ['log.[]x]']), 'skip')
  t.equal(verdictOf('/a/[x', ['[x']), 'skip', 'a bracket that is never closed is a bracket')
  t.equal(verdictOf('/a/*', ['\\*']), 'skip')
  t.equal(verdictOf('/a/b', ['\\*']), 'take')
  t.equal(verdictOf('/q/z', ['[z-a]']), 'skip', 'a range that runs downward is its characters')
})

t.test('names that are no UTF-8 are matched as they are', async (t) => {
  const selection = createSelection({ exclude: ['bad?name'], include: [] })
  const name = pathFromBytes(Buffer.from('bad\xffname', 'latin1'))
  t.equal(selection.judge([name], false, undefined).verdict, 'skip')
})

t.test('an include pattern brings back what an exclude pattern took', async (t) => {
  const exclude = ['/home/*']
  const include = ['/home/ann/letters', '*.keep']
  t.equal(verdictOf('/home/ann/letters/1', exclude, include), 'take')
  t.equal(verdictOf('/home/ann/', exclude, include), 'descend', 'left out itself, looked through')
  t.equal(verdictOf('/home/ann/other', exclude, include), 'skip')
  t.equal(verdictOf('/home/ann/deep/x.keep', exclude, include), 'take')
  t.equal(verdictOf('/home/bob/', exclude, ['/home/ann/letters']), 'skip', 'nothing wanted can be below')
  t.equal(verdictOf('/home/ann/letters/core', ['/home/*', 'core'], include), 'take', 'with all below it')
})

t.test('comments and empty lines say nothing', async (t) => {
  t.equal(createSelection({ exclude: ['', '  ', '# all', '/'], include: [] }).active, false)
})

t.test('a pattern that is a name, escaped, matches that name and no other', async (t) => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
    .filter((s) => !/[/\0]/.test(s) && s.trim() !== '')
  fc.assert(
    fc.property(name, name, (a, b) => {
      const pattern = `/${a.replace(/[*?[\]\\!^-]/g, '\\$&')}`
      t.equal(verdictOf(`/${a}`, [pattern]), 'skip')
      t.equal(verdictOf(`/${b}`, [pattern]), a === b ? 'skip' : 'take')
    }),
    { numRuns: 200 },
  )
})

t.test(
  'a pattern with many stars matches what it says, and takes no longer for a name made against it',
  async (t) => {
    const letters = (of: string): fc.Arbitrary<string> =>
      fc.array(fc.constantFrom(...of), { minLength: 1, maxLength: 10 }).map((all) => all.join(''))
    fc.assert(
      fc.property(letters('ab*?'), letters('ab'), (pattern, name) => {
        const plain = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`)
        return verdictOf(`/${name}`, [pattern]) === (plain.test(name) ? 'skip' : 'take')
      }),
      { numRuns: 2000 },
    )
    const before = performance.now()
    t.equal(verdictOf(`/${'a'.repeat(255)}`, [`${'*a'.repeat(20)}b`]), 'take')
    t.equal(verdictOf(`/${'a'.repeat(255)}`, [`${'*a?'.repeat(20)}*`]), 'skip')
    t.ok(performance.now() - before < 1000)
  },
)

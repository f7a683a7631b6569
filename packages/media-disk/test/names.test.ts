import fc from 'fast-check'
import t from 'tap'
import {
  directoryNameOf,
  fragmentFileName,
  parseFragmentFileName,
  textOfDirectoryName,
} from '../src/names.ts'

t.test('a name of anything is one safe component and can be read back', (t) => {
  const text = fc
    .string({ minLength: 1, maxLength: 40, unit: 'binary' })
    .filter((value) => value.isWellFormed())
  fc.assert(
    fc.property(text, (value) => {
      const name = directoryNameOf(value)
      return /^[A-Za-z0-9%_+@=,-][A-Za-z0-9._+@=,%-]*$/.test(name) && textOfDirectoryName(name) === value
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('ordinary names stay as they are', (t) => {
  for (const name of ['web1', 'db-2.example.com', 'web1_1767225600']) t.equal(directoryNameOf(name), name)
  t.equal(directoryNameOf('..'), '%2E.')
  t.equal(directoryNameOf('a/b'), 'a%2Fb')
  t.end()
})

t.test('what cannot be a name is refused', (t) => {
  t.throws(() => directoryNameOf(''), { code: 'argument-invalid' })
  t.throws(() => directoryNameOf('x'.repeat(256)), { code: 'argument-invalid' })
  t.throws(() => directoryNameOf('/'.repeat(86)), { code: 'argument-invalid' })
  for (const name of ['a b', '%zz', '%41', '.hidden', '']) t.equal(textOfDirectoryName(name), undefined, name)
  t.end()
})

t.test('files of fragments are known by their names', (t) => {
  t.equal(fragmentFileName(1, 3), '1-000003.nbf')
  t.equal(fragmentFileName(2, 1_234_567), '2-1234567.nbf')
  t.same(parseFragmentFileName('2-1234567.nbf'), { copy: 2, number: 1_234_567, committed: true })
  t.same(parseFragmentFileName('1-000003.nbf.tmp'), { copy: 1, number: 3, committed: false })
  for (const name of ['1-3.nbf', '0-000001.nbf', '1-000001.nbf.bak', 'README', 'x1-000001.nbf'])
    t.equal(parseFragmentFileName(name), undefined, name)
  t.throws(() => fragmentFileName(0, 1), TypeError)
  t.end()
})

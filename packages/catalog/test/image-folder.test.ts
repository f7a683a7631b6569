import fc from 'fast-check'
import t from 'tap'
import { decodeName, encodeName, imagePaths } from '../src/image-folder.ts'

t.test('a name becomes one harmless component, and comes back', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      const component = encodeName(name)
      return /^[A-Za-z0-9_%-][A-Za-z0-9_%.-]*$/.test(component) && decodeName(component) === name
    }),
  )
})

t.test('only what was made so is read', async (t) => {
  for (const foreign of [
    '',
    '.',
    '..',
    '.hidden',
    'lost+found',
    '%2e',
    '%',
    '%4',
    '%41',
    '%zz',
    'a b',
    '%FF',
  ])
    t.equal(decodeName(foreign), undefined, foreign)
})

t.test('nothing leaves the folder', async (t) => {
  t.equal(imagePaths('/images', '../../etc/passwd'), undefined)
  t.equal(imagePaths('/images', '.._5')?.folder, '/images/%2E./%2E._5')
  t.equal(imagePaths('/images', '/_5')?.header, '/images/%2F/%2F_5/header.json')
})

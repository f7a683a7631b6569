import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeText, encodeText, type TextPair } from '../../src/iscsi/text-keys.ts'
import { propertyRuns } from '../property-runs.ts'

const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.\-+@_#]{0,62}$/)
const value = fc.stringMatching(/^[ -~]{0,80}$/)

t.test('pairs come back in their order', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value)), (pairs: TextPair[]) =>
      assert.deepEqual(decodeText(encodeText(pairs)), pairs),
    ),
    propertyRuns(t),
  )
})

t.test('more zeros than one are no pairs', async (t) => {
  t.same(decodeText(Buffer.from('A=1\0\0\0B=x=y\0')), [
    ['A', '1'],
    ['B', 'x=y'],
  ])
  t.same(decodeText(Buffer.alloc(3)), [])
})

t.test('what is no text is refused, without saying its values', async (t) => {
  const bad = [
    'A=1',
    'A\0',
    '=1\0',
    '1A=1\0',
    `${'K'.repeat(64)}=1\0`,
    `A=${'x'.repeat(8193)}\0`,
    'A B=secret\0',
  ]
  for (const text of bad)
    await t.rejects(
      async () => decodeText(Buffer.from(text)),
      { code: 'message-invalid', message: /^(?!.*secret)/ },
      text.slice(0, 20),
    )
})

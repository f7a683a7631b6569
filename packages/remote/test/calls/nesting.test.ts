import { numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { isNestedDeeper } from '../../src/calls/nesting.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

t.test('a text is as deep as what is made of it, whatever its strings look like', async () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[\\\\"[\]{}]{0,9}$/))
  const { value: json } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    ),
  }))
  fc.assert(
    fc.property(json, fc.nat(8), (value, most) => {
      const bytes = Buffer.from(JSON.stringify(value))
      return isNestedDeeper(bytes, most) === depthOf(value) > most
    }),
    { numRuns: 300, seed: numberSetting('NB_SEED', 1) },
  )
})

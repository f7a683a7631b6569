import t from 'tap'
import { validOptions } from '../src/options.ts'

t.test('options have documented values when they are not given', async (t) => {
  t.match(validOptions({}), {
    allowMultipleRetentions: false,
    loadMaxAgeMs: 300_000,
    errorPolicy: { count: 3, periodMs: 43_200_000, assignedErrorState: 'frozen' },
    errorMemory: { most: 10_000, ms: 2_592_000_000 },
  })
})

t.test('options out of bounds are refused by name', async (t) => {
  for (const [options, field] of [
    [{ loadMaxAgeMs: 1 }, 'loadMaxAgeMs'],
    [{ errorPolicy: { count: 0 } }, 'errorPolicy.count'],
    [{ errorPolicy: { periodMs: 1 } }, 'errorPolicy.periodMs'],
    [{ errorPolicy: { rememberMs: 1000 } }, 'errorPolicy.rememberMs'],
    [{ errorPolicy: { remembered: 1 } }, 'errorPolicy.remembered'],
    [{ pools: [] }, 'pools'],
  ] as const)
    t.throws(() => validOptions(options), { code: 'argument-invalid', details: { field } })
})

import assert from 'node:assert/strict'
import {
  type DayRule,
  type Policy,
  type Schedule,
  type ScheduleCopy,
  pathFromBytes,
  toPath,
} from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import { checkPolicy } from '../../src/check-policy.ts'
import { printPolicy, updatePolicyText } from '../../src/policy-files/print-policy.ts'
import { parsePolicy } from '../../src/policy-files/read-policy.ts'
import { propertyRuns } from '../property-runs.ts'

const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,12}$/)
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })
const storage = fc.oneof(
  fc.constant({ kind: 'any' as const }),
  fc.record({ kind: fc.constantFrom('unit' as const, 'group' as const), name }),
)
const path = fc.uint8Array({ minLength: 0, maxLength: 12 }).map((bytes) => {
  return pathFromBytes(Buffer.concat([Buffer.from('/'), Buffer.from(bytes.filter((byte) => byte !== 0))]))
})
const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
const weekOrNone = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.constant('last' as const),
  fc.constant(undefined),
)
const days: fc.Arbitrary<DayRule> = fc
  .record({
    dates: maybe(fc.array(fc.constantFrom('2026-12-24', '2028-02-29', '2030-01-01'))),
    weekdays: maybe(
      fc.array(
        fc
          .tuple(fc.nat(6), weekOrNone)
          .map(([weekday, week]) => (week === undefined ? { weekday } : { weekday, week })),
      ),
    ),
    daysOfMonth: maybe(fc.array(fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constant('last' as const)))),
  })
  .map(without)
const window = fc.record({
  weekday: fc.nat(6),
  startSeconds: fc.oneof(fc.constantFrom(0, 72_000), fc.nat(86_399)),
  durationSeconds: fc.oneof(fc.constantFrom(28_800, 86_400), fc.integer({ min: 1, max: 604_800 })),
})
const frequencyMs = fc.integer({ min: 60_000, max: 366 * 86_400_000 })
const copy: fc.Arbitrary<ScheduleCopy> = fc
  .record({
    storage: maybe(storage),
    volumePool: maybe(name),
    retentionLevel: maybe(fc.nat(100)),
    onFailure: maybe(fc.constantFrom('continue' as const, 'failAllCopies' as const)),
  })
  .map(without)
/** No storage unit is named twice. */
const copies = fc.uniqueArray(copy, {
  minLength: 2,
  maxLength: 4,
  selector: ({ storage: choice }) => (choice?.kind === 'unit' ? choice.name : Symbol('another')),
})
const schedule: fc.Arbitrary<Schedule> = fc
  .record({
    name,
    type: fc.constantFrom(
      'full' as const,
      'differential' as const,
      'cumulative' as const,
      'user-backup' as const,
    ),
    when: fc.oneof(
      frequencyMs.map((ms) => ({ frequencyMs: ms })),
      fc.tuple(days, fc.boolean()).map(([rule, retryAfterRunDay]) => ({
        calendar: { ...rule, daysOfMonth: [...(rule.daysOfMonth ?? []), 1], retryAfterRunDay },
      })),
    ),
    exclude: maybe(days),
    windows: fc.oneof(
      fc.array(window, { maxLength: 6 }),
      window.map((one) => [1, 2, 3, 4, 5].map((weekday) => ({ ...one, weekday }))),
    ),
    retentionLevel: fc.nat(100),
    multiplexing: maybe(fc.integer({ min: 1, max: 32 })),
    storage: maybe(storage),
    volumePool: maybe(name),
    copies: maybe(copies),
  })
  .map(({ when, ...rest }) => without({ ...rest, ...when }))
const policy: fc.Arbitrary<Policy> = fc
  .record({
    name,
    active: fc.boolean(),
    effectiveAt: maybe(fc.integer({ min: 0, max: 4e12 })),
    clients: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    selections: fc.uniqueArray(path, { minLength: 1, maxLength: 4 }),
    multipleStreams: maybe(fc.boolean()),
    checkpointIntervalMs: maybe(fc.oneof(fc.constant(0), fc.integer({ min: 60_000, max: 604_800_000 }))),
    exclude: maybe(fc.array(text)),
    include: maybe(fc.array(text)),
    crossMountPoints: maybe(fc.boolean()),
    compression: maybe(fc.constantFrom('zstd' as const, 'gzip' as const)),
    digest: maybe(fc.constant('sha256' as const)),
    storage,
    volumePool: maybe(name),
    priority: maybe(fc.nat(99_999)),
    maxJobs: maybe(fc.integer({ min: 1, max: 999 })),
    schedules: fc.uniqueArray(schedule, { maxLength: 3, selector: (each) => each.name }),
  })
  .map(without)

/** As it comes off a store: without what is `undefined`, in plain objects. */
function without(value: object): never {
  return JSON.parse(JSON.stringify(value)) as never
}

t.test('what is printed is read back as the same policy, as YAML and as JSON', async (t) => {
  const { numRuns, seed } = propertyRuns(t, 50, 10_000)
  fc.assert(
    fc.property(policy, fc.constantFrom('yaml' as const, 'json' as const), (policy, format) => {
      checkPolicy(policy)
      const text = printPolicy(policy, { format })
      assert.deepStrictEqual(parsePolicy(text), policy)
    }),
    { numRuns, seed },
  )
  t.pass('each')
})

t.test('a changed file is read back as the changed policy, whatever it was before', async (t) => {
  const { numRuns, seed } = propertyRuns(t, 20, 5000)
  fc.assert(
    fc.property(policy, policy, (before, after) => {
      const text = updatePolicyText(printPolicy(before), after, { file: 'p.yaml' })
      assert.deepStrictEqual(parsePolicy(text), after)
    }),
    { numRuns, seed },
  )
  t.pass('each')
})

t.test('directives and paths that are no text keep their meaning', async (t) => {
  const selections = [
    'NEW_STREAM' as const,
    toPath('/srv/back\\slash'),
    'NEW_STREAM' as const,
    pathFromBytes(Buffer.from([0x2f, 0xff, 0x0a])),
  ]
  const policy: Policy = {
    name: 'web',
    active: true,
    clients: ['web1'],
    selections,
    multipleStreams: true,
    storage: { kind: 'any' },
    schedules: [],
  }
  const text = printPolicy(policy)
  t.match(text, '- /srv/back\\\\slash')
  t.match(text, '- /\\xff\\x0a')
  t.strictSame(parsePolicy(text).selections, selections)
})

import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { createEmulatorFaultPlan } from '../../src/emulator/faults/emulator-fault.ts'
import { randomFaults } from '../../src/emulator/faults/random-faults.ts'
import { propertyRuns } from '../property-runs.ts'

t.test('each fault happens at its command and once; what is added counts from then on', (t) => {
  const plan = createEmulatorFaultPlan([
    { unit: 'drive1', command: 'write-6', occurrence: 2, effect: 'write-error' },
    { unit: 'drive1', occurrence: 3, effect: 'busy' },
  ])
  t.same(plan.due('drive1', 'write-6'), [])
  t.same(plan.due('drive2', 'write-6'), [])
  t.match(plan.due('drive1', 'write-6'), [{ effect: 'write-error' }])
  t.match(plan.due('drive1', 'rewind'), [{ effect: 'busy' }])
  t.same(plan.pending, [])
  plan.add({ unit: 'drive1', command: 'rewind', occurrence: 1, effect: 'silent' })
  t.equal(plan.pending.length, 1)
  t.match(plan.due('drive1', 'rewind'), [{ effect: 'silent' }])
  t.same(plan.due('drive1', 'rewind'), [])
  t.throws(() => plan.add({ unit: 'drive1', occurrence: 0, effect: 'busy' }), TypeError)
  t.end()
})

t.test('a seed gives the same faults again, which are data and within their bounds', (t) => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 50 }),
      (seed, drives, within) => {
        const input = { seed, faults: 10, drives, within }
        const faults = randomFaults(input)
        assert.deepEqual(JSON.parse(JSON.stringify(randomFaults(input))), faults)
        return faults.every(
          ({ unit, occurrence }) =>
            occurrence >= 1 &&
            occurrence <= within &&
            (unit === 'changer' || Number(unit.slice(5)) <= drives),
        )
      },
    ),
    propertyRuns(t, 100),
  )
  t.end()
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { CommandWindow } from '../../src/iscsi/command-window.ts'
import { cutSequence, planFirstBurst } from '../../src/iscsi/data-out-plan.ts'
import { after, distance } from '../../src/iscsi/serial-number.ts'
import { propertyRuns } from '../property-runs.ts'

const word = fc.nat({ max: 0xffff_ffff })

t.test('numbers go on over their end', async (t) => {
  fc.assert(
    fc.property(word, fc.nat(2 ** 30), (from, steps) => {
      assert.equal(distance(from, after(from, steps)), steps)
      assert.equal(distance(after(from, steps), from), steps === 0 ? 0 : -steps)
    }),
    propertyRuns(t),
  )
})

t.test('never more commands than the target takes, and always as many', async (t) => {
  const step = fc.record({ takes: fc.nat(8), done: fc.nat(8), room: fc.nat(8), stale: fc.boolean() })
  fc.assert(
    fc.property(word, fc.array(step, { maxLength: 40 }), (first, steps) => {
      const window = new CommandWindow(first, { expectedCommandNumber: first, maxCommandNumber: first })
      // The target's side of it: what it expects, and up to where it takes.
      let expected = first
      let max = first
      let next = first
      for (const { takes, done, room, stale } of steps) {
        for (let n = 0; n < takes && window.open; n++) {
          assert.equal(window.take(), next)
          next = after(next)
        }
        assert.ok(distance(after(max), next) <= 0, 'none beyond the window')
        assert.equal(window.open, distance(next, max) >= 0)
        if (stale)
          window.told({ expectedCommandNumber: after(expected, -3), maxCommandNumber: after(expected, -2) })
        else {
          expected = after(expected, Math.min(done, Math.max(0, distance(expected, next))))
          const wider = after(expected, room - 1)
          if (distance(max, wider) > 0) max = wider
          window.told({ expectedCommandNumber: expected, maxCommandNumber: wider })
        }
      }
    }),
    propertyRuns(t),
  )
})

t.test('a window that closes behind what is expected is no window', async (t) => {
  const window = new CommandWindow(10, { expectedCommandNumber: 10, maxCommandNumber: 9 })
  t.equal(window.open, false)
  window.told({ expectedCommandNumber: 30, maxCommandNumber: 20 })
  t.equal(window.open, false, 'told nonsense')
  window.told({ expectedCommandNumber: 10, maxCommandNumber: 10 })
  t.equal(window.open, true)
})

t.test('each byte of a write goes once, in bursts and parts that were agreed on', async (t) => {
  const parameters = fc.record({
    headerDigest: fc.constant(false),
    dataDigest: fc.constant(false),
    maxSendBytes: fc.integer({ min: 512, max: 4096 }),
    firstBurstBytes: fc.integer({ min: 512, max: 8192 }),
    maxBurstBytes: fc.constant(8192),
    immediateData: fc.boolean(),
    initialR2T: fc.boolean(),
    waitSeconds: fc.constant(0),
  })
  fc.assert(
    fc.property(parameters, fc.nat(20_000), (agreed, length) => {
      const { immediateBytes, unsolicitedBytes } = planFirstBurst(length, agreed)
      assert.ok(immediateBytes + unsolicitedBytes <= Math.min(length, agreed.firstBurstBytes))
      assert.ok(immediateBytes <= agreed.maxSendBytes)
      if (!agreed.immediateData) assert.equal(immediateBytes, 0)
      if (agreed.initialR2T) assert.equal(unsolicitedBytes, 0)
      else assert.equal(immediateBytes + unsolicitedBytes, Math.min(length, agreed.firstBurstBytes))
      const parts = [...cutSequence(immediateBytes, unsolicitedBytes, agreed.maxSendBytes)]
      let at = immediateBytes
      parts.forEach((part, n) => {
        assert.deepEqual([part.offset, part.sequenceNumber, part.final], [at, n, n === parts.length - 1])
        assert.ok(part.bytes > 0 && part.bytes <= agreed.maxSendBytes)
        at += part.bytes
      })
      assert.equal(at, immediateBytes + unsolicitedBytes)
    }),
    propertyRuns(t),
  )
})

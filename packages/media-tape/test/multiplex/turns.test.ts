import fc from 'fast-check'
import t from 'tap'
import { Turns } from '../../src/multiplex/turns.ts'
import { propertyRuns } from '../property-runs.ts'

const acts = fc.array(
  fc.oneof(
    fc.record({
      act: fc.constant('add' as const),
      lane: fc.integer({ min: 1, max: 5 }),
      urgent: fc.boolean(),
    }),
    fc.record({ act: fc.constant('take' as const), onlyUrgent: fc.boolean() }),
    fc.record({ act: fc.constant('drop' as const), lane: fc.integer({ min: 1, max: 5 }) }),
  ),
  { maxLength: 60 },
)

t.test('each lane keeps its order, and none is served twice while another waits', async (t) => {
  fc.assert(
    fc.property(acts, (history) => {
      const turns = new Turns<{ readonly serial: number; readonly urgent: boolean }>()
      const waiting = new Map<number, { serial: number; urgent: boolean }[]>()
      /** How often others were served since a lane began to wait for its turn. */
      const passed = new Map<number, Map<number, number>>()
      for (const [serial, step] of history.entries()) {
        if (step.act === 'drop') {
          const dropped = turns.drop(step.lane)
          t.same(dropped, waiting.get(step.lane) ?? [])
          waiting.delete(step.lane)
          passed.delete(step.lane)
        } else if (step.act === 'add') {
          const { lane, urgent } = step
          turns.add(lane, { serial, urgent })
          if (!waiting.has(lane)) passed.set(lane, new Map())
          waiting.set(lane, [...(waiting.get(lane) ?? []), { serial, urgent }])
        } else {
          const taken = step.onlyUrgent ? turns.take(({ urgent }) => urgent) : turns.take()
          if (taken === undefined) {
            const left = [...waiting.values()].map(([next]) => next)
            if (left.some((next) => next !== undefined && (!step.onlyUrgent || next.urgent))) return false
            continue
          }
          const lane = waiting.get(taken.lane)
          if (lane?.shift()?.serial !== taken.work.serial) return false
          if (lane.length === 0) waiting.delete(taken.lane)
          passed.delete(taken.lane)
          if (lane.length > 0) passed.set(taken.lane, new Map())
          for (const [other, by] of passed) {
            if (other === taken.lane || step.onlyUrgent) continue
            by.set(taken.lane, (by.get(taken.lane) ?? 0) + 1)
            if ((by.get(taken.lane) ?? 0) > 1) return false
          }
        }
      }
      return true
    }),
    propertyRuns(t, 300),
  )
})

import { NbError } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import { createSpaceReporter } from '../../src/index.ts'

t.test('the room of each disk is told at the start, every minute, and when a session asks', async (t) => {
  const clock = createVirtualClock()
  const told: unknown[] = []
  const media = { reportSpace: async (input: object) => void told.push(input) }
  const disk = { space: async () => ({ totalBytes: 100, freeBytes: 40 }) }
  const reporter = createSpaceReporter({ media, stores: { disk1: disk, tape1: {} }, clock })
  await reporter.start()
  const space = { storageUnit: 'disk1', totalBytes: 100, freeBytes: 40 }
  t.same(told, [space], 'a store without room of its own tells nothing')
  await clock.advance(60_000)
  await reporter.tell({ storageUnit: 'disk1', full: true })
  await reporter.tell({ storageUnit: 'elsewhere' })
  t.same(told, [space, space, { ...space, full: true }])
  await reporter.tell({ storageUnit: 'disk1', full: true, givenUpBytes: 30 })
  t.same(told[3], { ...space, freeBytes: 10, full: true }, 'what was given back since was not enough')
  await reporter.stop()
  await clock.advance(600_000)
  t.equal(told.length, 4, 'nothing after the stop')
  t.equal(clock.pendingTimers, 0)
})

t.test('of a disk that is not mounted that is told', async (t) => {
  const told: unknown[] = []
  const media = { reportSpace: async (input: object) => void told.push(input) }
  const missing = new NbError('media-open-failed', 'disk1 has no marker')
  const errors: unknown[] = []
  const logger = Object.assign(() => undefined, {
    error: (...args: unknown[]) => void errors.push(args),
    trace: () => undefined,
  })
  const stores = {
    disk1: { space: async () => Promise.reject(missing) },
    disk2: { space: async () => Promise.reject(new NbError('media-read-failed', 'EIO')) },
  }
  const reporter = createSpaceReporter({ media, stores, clock: createVirtualClock(), logger })
  await reporter.tell({ storageUnit: 'disk1', full: true })
  await reporter.tell({ storageUnit: 'disk2' })
  t.same(told, [{ storageUnit: 'disk1', missing: 'disk1 has no marker' }])
  t.equal(errors.length, 1, 'of one that can not be looked at nothing is known')
})

t.test('a report that fails is logged, and fails nobody', async (t) => {
  const clock = createVirtualClock()
  const errors: unknown[] = []
  const logger = Object.assign(() => undefined, {
    error: (...args: unknown[]) => void errors.push(args),
    trace: () => undefined,
  })
  const media = { reportSpace: async () => Promise.reject(new NbError('storage-unit-unknown', 'disk1')) }
  const stores = { disk1: { space: async () => ({ totalBytes: 100, freeBytes: 40 }) } }
  const reporter = createSpaceReporter({ media, stores, clock, logger })
  await reporter.start()
  await reporter.tell({ storageUnit: 'disk1' })
  t.equal(errors.length, 2)
  await reporter.stop()
  t.throws(() => createSpaceReporter({ media, stores, clock }, { intervalMs: 10 }), TypeError)
})

import assert from 'node:assert/strict'
import { type BackupCheckpoint, toPath } from '@nb/contracts'
import fc from 'fast-check'
import t from 'tap'
import type { JobRecord } from '../src/index.ts'
import { createRecords, newBackupRecord, newRegisteredRecord, newWorkRecord } from '../src/new-records.ts'
import { parseRecord, storedJob } from '../src/stored-record.ts'
import { toJob } from '../src/job-view.ts'
import { type JobChange, allows, applyChange, isReportable } from '../src/transitions.ts'
import { request } from './fixture.ts'

const holding = {
  leaseId: 'lease',
  allocation: {
    allocationId: 'a',
    jobId: '1',
    storageUnit: 'disk1',
    mediaServer: 'media1',
    purpose: 'write',
    medium: { kind: 'disk', maxFragmentBytes: 1 },
    since: 0,
  },
} as const

const need = { kind: 'read', storageUnit: 'disk1' } as const
const input = { requestId: '1', sessionId: 's', jobId: '1', mediaServer: 'media1', need }
const ending = fc.record(
  { status: fc.constantFrom(0, 1, 84), statusText: fc.string(), warnings: fc.nat(3) },
  { noNullPrototype: true },
)

const checkpointOf = (number: number): BackupCheckpoint => ({
  number,
  takenAt: 1,
  streamBytes: 1,
  fileList: { entries: 1, batches: 1, bytes: 1 },
  counts: { entries: 1, storedEntries: 1, bytes: 1, streamBytes: 1, warnings: 0 },
  copies: [],
  position: 'here',
})

const change: fc.Arbitrary<JobChange> = fc.oneof(
  fc.constant<JobChange>({ kind: 'granted', at: 1, holding }),
  fc.constant<JobChange>({ kind: 'requeued' }),
  fc.constant<JobChange>({ kind: 'imaged', backupId: 'web1_1' }),
  fc.constant<JobChange>({ kind: 'started', sessionId: 's', mediaServer: 'media1' }),
  fc.constant<JobChange>({ kind: 'media-asked', request: 's/1', input }),
  fc.constant<JobChange>({ kind: 'media-answered', request: 's/1' }),
  fc.constant<JobChange>({ kind: 'leased', request: 's/2', holding }),
  fc.constant<JobChange>({ kind: 'unleased', request: 's/2' }),
  fc.constant<JobChange>({ kind: 'noted', facts: { storageUnit: 'disk2' } }),
  fc.constant<JobChange>({ kind: 'cancel-requested', at: 2, reason: 'enough' }),
  ending.map<JobChange>((each) => ({ kind: 'ended', at: 3, ending: each })),
  ending.map<JobChange>((each) => ({ kind: 'amended', ending: each })),
  fc.constant<JobChange>({ kind: 'working', at: 1 }),
  fc.nat(4).map<JobChange>((number) => ({ kind: 'checkpointed', checkpoint: checkpointOf(number) })),
  fc.constant<JobChange>({ kind: 'afresh' }),
  fc.nat(9).map<JobChange>((priority) => ({ kind: 'prioritised', priority })),
  fc.constant<JobChange>({ kind: 'suspend-requested', at: 2, reason: 'later' }),
  fc.constantFrom('waiting-for-retry', 'suspended', 'incomplete', 'queued').map<JobChange>((to) => ({
    kind: 'attempt-ended',
    rest: { to, at: 2, status: to === 'suspended' ? 157 : 84, statusText: 'broken', warnings: 0, until: 9 },
  })),
  fc.constant<JobChange>({ kind: 'rested', at: 3, firstLine: 9 }),
  fc.constant<JobChange>({ kind: 'held-back', at: 3, reason: 'later' }),
  fc.boolean().map<JobChange>((byHand) => ({ kind: 'queued-again', at: 3, firstLine: 9, byHand })),
  fc.constant<JobChange>({ kind: 'child-active', at: 3 }),
  fc.constantFrom('2', '3').map<JobChange>((jobId) => ({
    kind: 'child-ended',
    jobId,
    end: { status: 0, statusText: '', warnings: 0, files: 1, bytes: 1 },
  })),
  ending.map<JobChange>((each) => ({ kind: 'removed', at: 4, ending: each })),
  fc.constant<JobChange>({ kind: 'settled' }),
)

const registered: Parameters<typeof newRegisteredRecord>[1] = {
  requestId: 'r',
  type: 'restore',
  origin: 'user',
  client: 'web1',
  lines: [],
}
const born: fc.Arbitrary<JobRecord> = fc.constantFrom(
  newBackupRecord('1', request(), 0),
  newRegisteredRecord('1', registered, 0),
  newWorkRecord('1', { requestId: 'w', type: 'verify', origin: 'immediate', lines: [] }, 0),
  ...createRecords(
    {
      kind: 'backup',
      request: request({ streams: ['a', 'b'].map((name) => ({ name, selections: [toPath(`/${name}`)] })) }),
    },
    (
      (id) => () =>
        String(++id)
    )(0),
    0,
  ),
)

t.test('whatever happens to a job, in whatever order', async (t) => {
  let finals = 0
  fc.assert(
    fc.property(born, fc.array(change, { minLength: 20, maxLength: 80, size: 'max' }), (start, changes) => {
      let record = start
      for (const next of changes) {
        const before = record
        if (!allows(before, next.kind)) {
          assert.throws(() => applyChange(before, next), { code: 'state-conflict' })
          continue
        }
        record = applyChange(before, next)
        // A cancel noted before the end wins, for a backup.
        const isOwn = before.phase !== 'registered' && before.phase !== 'parent'
        if (next.kind === 'ended' && before.cancel !== undefined && isOwn) {
          if (record.ending?.status !== 150) throw new Error('a cancel was forgotten')
        }
        if (before.phase === 'final') throw new Error('something happened after the end')
        if (next.kind === 'settled') finals += 1
        const job = toJob(record)
        if ((job.status !== undefined) !== (record.phase === 'final'))
          throw new Error('status shown too early')
        if ((job.state === 'done') !== (record.endedAt !== undefined)) throw new Error('done without an end')
        if (job.state === 'active' && job.activeAt === undefined && job.children === undefined)
          throw new Error('active since never')
        const numbers = record.tries.map(({ number }) => number)
        assert.deepEqual(
          numbers,
          numbers.map((_, index) => index + 1),
        )
        assert.ok(record.attempt.number - numbers.length <= 1 && record.attempt.number >= numbers.length)
        const rests = ['waiting-for-retry', 'suspended', 'incomplete'].includes(record.phase)
        if (rests)
          assert.ok(record.held === undefined && record.session === undefined, 'a rest holds something')
        if (rests && record.checkpoint === undefined) assert.equal(record.backupId, undefined)
        if (before.checkpoint !== undefined && record.checkpoint !== undefined)
          assert.ok(record.checkpoint.number >= before.checkpoint.number, 'a checkpoint went back')
        // What is written down can be read again.
        const stored = storedJob(record)
        const read = parseRecord('1', JSON.stringify(stored.record), JSON.stringify(stored.spec))
        assert.deepEqual(read, record, 'a record changed on its way')
        // All records are of one shape, wherever they come from.
        assert.deepEqual(Object.keys(read), Object.keys(start))
        assert.deepEqual(Object.keys(record), Object.keys(start))
      }
    }),
    { numRuns: 300 },
  )
  t.ok(finals > 20, `${finals} jobs came to their end`)
})

t.test('what must be durable before it is told', async (t) => {
  const kinds = ['cancel-requested', 'ended', 'amended', 'settled', 'granted', 'imaged', 'started'] as const
  t.strictSame(
    kinds.filter((kind) => isReportable(kind)),
    ['cancel-requested', 'ended', 'amended', 'settled'],
  )
})

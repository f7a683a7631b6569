import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { JobRecord } from '../src/index.ts'
import { newBackupRecord, newRegisteredRecord } from '../src/new-records.ts'
import { parseRecord } from '../src/stored-record.ts'
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
const ending = fc.record({ status: fc.constantFrom(0, 1, 84), statusText: fc.string(), warnings: fc.nat(3) })

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
)

t.test('whatever happens to a job, in whatever order', async (t) => {
  let finals = 0
  fc.assert(
    fc.property(born, fc.array(change, { maxLength: 30 }), (start, changes) => {
      let record = start
      for (const next of changes) {
        const before = record
        if (!allows(before, next.kind)) {
          assert.throws(() => applyChange(before, next), { code: 'state-conflict' })
          continue
        }
        record = applyChange(before, next)
        // A cancel noted before the end wins, for a backup.
        if (next.kind === 'ended' && before.cancel !== undefined && before.type === 'backup') {
          if (record.ending?.status !== 150) throw new Error('a cancel was forgotten')
        }
        if (before.phase === 'final') throw new Error('something happened after the end')
        if (next.kind === 'settled') finals += 1
        const job = toJob(record)
        if ((job.status !== undefined) !== (record.phase === 'final'))
          throw new Error('status shown too early')
        if ((job.state === 'done') !== (record.endedAt !== undefined)) throw new Error('done without an end')
        if (job.state === 'active' && job.activeAt === undefined) throw new Error('active since never')
        // What is written down can be read again.
        const again = parseRecord('1', JSON.stringify(record))
        if (JSON.stringify(again) !== JSON.stringify(record)) throw new Error('a record changed on its way')
      }
    }),
    { numRuns: 500 },
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

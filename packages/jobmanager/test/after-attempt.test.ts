import fc from 'fast-check'
import t from 'tap'
import { afterAttempt, failedTries } from '../src/after-attempt.ts'
import type { JobRecord } from '../src/index.ts'
import { newBackupRecord } from '../src/new-records.ts'
import { request } from './fixture.ts'

const hour = 3_600_000
const record = (changes: Partial<JobRecord> = {}): JobRecord => ({
  ...newBackupRecord('1', request({ retry: { tries: 3, delayMs: 1000 } }), 0),
  phase: 'running',
  activeAt: 1,
  ...changes,
})
const checkpoint = { number: 2 } as NonNullable<JobRecord['checkpoint']>
const tried = (...statuses: number[]): JobRecord['tries'] =>
  statuses.map((status, index) => ({
    number: index + 1,
    startedAt: 0,
    firstLine: 1,
    files: 0,
    bytes: 0,
    status,
  }))
const after = (job: JobRecord, status: number, code?: Parameters<typeof afterAttempt>[1]['code']) => {
  const ending = { status, statusText: 'text', warnings: 0 }
  const next = afterAttempt(job, { ending, ...(code === undefined ? {} : { code }) }, 5000, 3 * hour)
  return next.kind === 'end' ? 'end' : next.rest.to
}

t.test('what becomes of a job whose try has ended', async (t) => {
  for (const [what, job, status, code, becomes] of [
    ['success', record(), 0, undefined, 'end'],
    ['success with warnings', record(), 1, undefined, 'end'],
    ['a failure with tries left', record(), 84, undefined, 'waiting-for-retry'],
    ['the last try', record({ tries: tried(84, 13) }), 84, undefined, 'end'],
    [
      'the last try, with a checkpoint',
      record({ tries: tried(84, 13), checkpoint }),
      84,
      undefined,
      'incomplete',
    ],
    [
      'suspensions are no failures',
      record({ tries: tried(157, 157, 163) }),
      84,
      undefined,
      'waiting-for-retry',
    ],
    ['cancelled', record({ checkpoint }), 150, 'job-cancelled', 'end'],
    ['a cancel was noted', record({ checkpoint, cancel: { at: 1, reason: 'x' } }), 84, undefined, 'end'],
    ['suspended', record({ checkpoint }), 157, 'job-suspended', 'suspended'],
    ['the window closed', record({ checkpoint }), 196, 'window-closed', 'end'],
    ['not supported', record(), 228, 'not-supported', 'end'],
    ['a wrong argument', record(), 20, 'argument-invalid', 'end'],
    ['the manager ends', record(), 803, 'manager-stopping', 'end'],
    ['the manager ends, with a checkpoint', record({ checkpoint }), 803, 'manager-stopping', 'incomplete'],
    ['a state that conflicts may pass', record(), 228, 'state-conflict', 'waiting-for-retry'],
    ['the window closes before the retry', record({ windowClosesAt: 6000 }), 84, undefined, 'end'],
    ['the window closes just after it', record({ windowClosesAt: 6001 }), 84, undefined, 'waiting-for-retry'],
    [
      'it could not go on',
      record({ checkpoint, resumedFrom: 2, tries: tried(84, 84, 84) }),
      163,
      undefined,
      'queued',
    ],
    [
      'it went on, then could not',
      record({ checkpoint, resumedFrom: 1, tries: tried(84, 84) }),
      163,
      undefined,
      'incomplete',
    ],
    ['no rule, no retry', record({ retry: { tries: 1, delayMs: 0 } }), 84, undefined, 'end'],
  ] as const)
    t.equal(after(job, status, code), becomes, what)
})

t.test('a job never fails more often than its rule allows', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.constantFrom(13, 84, 157), { maxLength: 30 }),
      (tries, ends) => {
        let job = record({ retry: { tries, delayMs: 0 } })
        for (const status of ends) {
          const to = after(job, status)
          job = { ...job, tries: [...job.tries, ...tried(status)] }
          if (to === 'end') break
        }
        return failedTries(job) <= tries
      },
    ),
  )
  t.pass('over random ends')
})

import t from 'tap'
import type { JobPhase, JobRecord } from '../src/index.ts'
import { newBackupRecord } from '../src/new-records.ts'
import { keepsGrants, keepsSession, recoveryAction } from '../src/recovery-plan.ts'
import { request } from './fixture.ts'

function record(phase: JobPhase, changes: Partial<JobRecord> = {}): JobRecord {
  return { ...newBackupRecord('1', request(), 0), phase, ...changes }
}

const cancel = { at: 1, reason: 'enough' }

t.test('what becomes of a job after a restart, by its phase and its session', async (t) => {
  const table: readonly (readonly [JobPhase, string, string, string])[] = [
    //             alive          gone          unknown
    ['queued', 'request', 'request', 'request'],
    ['granted', 'request', 'request', 'request'],
    ['imaged', 'adopt', 'end-killed', 'end-killed'],
    ['running', 'adopt', 'ask-report', 'adopt'],
    ['ended', 'conclude', 'conclude', 'conclude'],
    ['registered', 'await-owner', 'await-owner', 'await-owner'],
  ]
  for (const [phase, ...actions] of table) {
    const states = ['alive', 'gone', 'unknown'] as const
    for (const [index, state] of states.entries()) {
      t.equal(recoveryAction(record(phase), state), actions[index], `${phase}, session ${state}`)
      if (phase === 'ended' || phase === 'registered') continue
      t.equal(recoveryAction(record(phase, { cancel }), state), 'end-cancelled')
    }
  }
})

t.test('which sessions go on', async (t) => {
  const session = { sessionId: 's1', jobId: '1', kind: 'backup', startedAt: 0 } as const
  const mine = { session: { sessionId: 's1', mediaServer: 'media1' } }
  const other = { session: { sessionId: 's2', mediaServer: 'media1' } }
  t.equal(keepsSession(undefined, session, true), false, 'nobody’s')
  t.equal(keepsSession(record('running', mine), session, false), true)
  t.equal(keepsSession(record('running', other), session, false), false)
  t.equal(keepsSession(record('running', { ...mine, cancel }), session, false), false)
  t.equal(keepsSession(record('imaged'), session, false), true, 'the answer to its start was lost')
  t.equal(keepsSession(record('queued'), session, false), false)
  t.equal(keepsSession(record('ended', mine), session, false), false)
  t.equal(keepsSession(record('registered'), session, false), false)
  t.equal(keepsSession(record('registered'), session, true), true)
})

t.test('what was asked of a job, or where it rests, goes on after a restart', async (t) => {
  const suspend = { at: 1, reason: 'later' }
  const cancel = { at: 1, reason: 'enough' }
  for (const phase of ['waiting-for-retry', 'suspended', 'incomplete'] as const) {
    t.equal(recoveryAction(record(phase), 'gone'), 'rest')
    t.equal(recoveryAction(record(phase, { cancel }), 'gone'), 'end-cancelled')
    t.equal(keepsGrants(record(phase)), false)
  }
  t.equal(recoveryAction(record('resting'), 'gone'), 'settle-try')
  t.equal(recoveryAction(record('parent', { cancel }), 'gone'), 'look-after-parts')
  t.equal(recoveryAction(record('working'), 'gone'), 'end-killed')
  for (const phase of ['queued', 'granted', 'imaged', 'running'] as const) {
    t.equal(recoveryAction(record(phase, { suspend }), 'alive'), 'end-suspended')
    t.equal(recoveryAction(record(phase, { suspend, cancel }), 'alive'), 'end-cancelled')
    t.equal(keepsGrants(record(phase)), true)
  }
  t.equal(keepsGrants(undefined), false)
})

import type { SessionReport } from '@nb/contracts'
import t from 'tap'
import { describeReport, severityOf } from '../src/flow-lines.ts'

t.test('a report is told with its status and wait counters; one is singular', async (t) => {
  const report: SessionReport = {
    sessionId: 's1',
    jobId: '1',
    kind: 'backup',
    status: 0,
    statusText: '',
    warnings: 0,
    waitedForFullBuffer: 1,
    waitedForEmptyBuffer: 12,
  }
  t.equal(
    describeReport(report),
    'session s1 ended with status 0: everything requested was done; ' +
      'waited for full buffer 1 time, for empty buffer 12 times',
  )
})

t.test('an end that somebody wanted is no error in the log; one that failed is', async (t) => {
  t.strictSame([0, 1, 150, 157].map(severityOf), ['info', 'warning', 'warning', 'warning'])
  t.strictSame([2, 63, 196, 803].map(severityOf), ['error', 'error', 'error', 'error'])
})

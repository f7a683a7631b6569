import assert from 'node:assert/strict'
import type { AuditEntry, AuditFilter, AuditLog, AuditRecord } from '@nb/contracts'
import { collect } from '../collect.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/** What the audit log suite works with. */
export interface AuditLogFixture {
  readonly audit: AuditLog
}

const done: AuditEntry = {
  time: 1000,
  caller: { name: 'alice', roles: ['administrator'], address: '192.0.2.7' },
  call: 'scheduler.putPolicy',
  subject: 'nightly',
  outcome: 'done',
}
const refused: AuditEntry = {
  time: 2000,
  caller: { roles: [] },
  call: 'catalog.browse',
  outcome: 'refused',
  error: { code: 'access-denied', status: 46 },
}
const failed: AuditEntry = {
  time: 3000,
  caller: { name: 'bob', roles: ['operator', 'viewer'] },
  call: 'jobs.cancel',
  subject: '7',
  outcome: 'failed',
  error: { code: 'job-unknown', status: 805 },
}

/** The obligations of {@link AuditLog}. */
export function auditLogSuite<Fixture extends AuditLogFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('entries come back as they were appended, the newest first, with rising numbers', async ({
    audit,
  }) => {
    for (const entry of [done, refused, failed]) await audit.append(entry)
    const records = await collect(audit.list({}))
    assert.deepEqual(
      records.map(({ number: _, ...entry }) => entry),
      [failed, refused, done],
    )
    assert.deepEqual(
      records.map(({ number }) => number),
      [3, 2, 1],
    )
  })

  test('they are found by caller, call or port, subject, outcome, time and number', async ({ audit }) => {
    for (const entry of [done, refused, failed]) await audit.append(entry)
    const found: readonly (readonly [AuditFilter, readonly AuditEntry[]])[] = [
      [{ caller: 'alice' }, [done]],
      [{ call: 'jobs.cancel' }, [failed]],
      [{ call: 'catalog' }, [refused]],
      [{ call: 'cat' }, []],
      [{ subject: 'nightly' }, [done]],
      [{ outcomes: ['refused', 'failed'] }, [failed, refused]],
      [{ from: 2000 }, [failed, refused]],
      [{ to: 2000 }, [done]],
      [{ limit: 2 }, [failed, refused]],
      [{ limit: 0 }, []],
      [{ caller: 'alice', outcomes: ['failed'] }, []],
    ]
    for (const [filter, expected] of found)
      assert.deepEqual(
        (await collect(audit.list(filter))).map(({ number: _, ...entry }) => entry),
        expected,
        JSON.stringify(filter),
      )
  })

  test('entries that are appended at once all have numbers of their own', async ({ audit }) => {
    await Promise.all(Array.from({ length: 20 }, (_, index) => audit.append({ ...done, time: index })))
    const numbers = (await collect(audit.list({}))).map(({ number }) => number)
    assert.equal(new Set(numbers).size, 20)
  })

  test('whoever watches is told what comes from now on and matches, also after a pause, until the signal aborts', async ({
    audit,
  }) => {
    await audit.append(failed)
    const stopping = new AbortController()
    const told = audit.watch({ outcomes: ['failed'] }, { signal: stopping.signal })[Symbol.asyncIterator]()
    const first = told.next()
    // A watch begins when it is first asked; over a wire that takes a while.
    while ((await Promise.race([first, audit.append(done).then(() => undefined)])) === undefined)
      await audit.append({ ...failed, subject: 'first' })
    assert.equal(((await first).value as AuditRecord | undefined)?.subject, 'first')
    await audit.append(refused)
    await audit.append({ ...failed, subject: 'last' })
    let record: AuditRecord | undefined
    while (record?.subject !== 'last') record = (await told.next()).value as AuditRecord
    const waiting = told.next()
    stopping.abort()
    await assert.rejects(waiting, { name: 'AbortError' })
  })
}

import assert from 'node:assert/strict'
import type { JobLog, JobLogLine } from '@nb/contracts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { sampleLine } from './sample-jobs.ts'

/** What the job log suite works with. */
export interface JobLogFixture {
  readonly log: JobLog
  /** Makes a job whose log is to be written to. */
  readonly newJob: () => Promise<string>
  /** The job's log as it can be read now. */
  readonly lines: (jobId: string) => Promise<readonly JobLogLine[]>
}

/** The obligations of {@link JobLog}. */
export function jobLogSuite<Fixture extends JobLogFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('lines come back as they were appended, after those that were there', async ({
    log,
    newJob,
    lines,
  }) => {
    const jobId = await newJob()
    const before = await lines(jobId)
    const rich: JobLogLine = {
      time: 1_767_225_600_123,
      component: 'media-writer',
      severity: 'warning',
      step: { flow: 'backup', number: 12 },
      text: 'a line with \n, ü and \udcff',
      data: { bytes: 12, names: ['a', 'b'], nothing: null },
    }
    await log.append({ jobId, lines: [rich, sampleLine('second')] })
    assert.deepEqual((await lines(jobId)).slice(before.length), [rich, sampleLine('second')])
  })

  test('lines of one job keep the order of the calls, also of calls that did not wait for one another', async ({
    log,
    newJob,
    lines,
  }) => {
    const jobs = [await newJob(), await newJob()]
    const before = await Promise.all(jobs.map(async (jobId) => (await lines(jobId)).length))
    const texts = Array.from({ length: 50 }, (_, index) => `line ${index}`)
    await Promise.all(
      texts.flatMap((text) => jobs.map((jobId) => log.append({ jobId, lines: [sampleLine(text)] }))),
    )
    for (const [index, jobId] of jobs.entries()) {
      const added = (await lines(jobId)).slice(before[index])
      assert.deepEqual(
        added.map(({ text }) => text),
        texts,
      )
    }
  })

  test('lines of an unknown job are dropped without an error', async ({ log, newJob, lines }) => {
    await log.append({ jobId: '999999', lines: [sampleLine('for nobody')] })
    await log.append({ jobId: 'no such id', lines: [sampleLine('for nobody')] })
    const jobId = await newJob()
    assert.equal(
      (await lines(jobId)).some(({ text }) => text === 'for nobody'),
      false,
    )
  })

  test('no lines at all change nothing', async ({ log, newJob, lines }) => {
    const jobId = await newJob()
    const before = await lines(jobId)
    await log.append({ jobId, lines: [] })
    assert.deepEqual(await lines(jobId), before)
  })
}

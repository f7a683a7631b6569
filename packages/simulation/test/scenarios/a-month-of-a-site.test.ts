import t from 'tap'
import { playMonth } from '../play.ts'

const long = process.env['NB_LONG'] === '1'
if (long) t.setTimeout(3_600_000)

t.test('a month of 40 clients passes, every day backed up', async (t) => {
  const { results, seconds } = await playMonth(40, 5, 30)
  t.comment(`${results.jobs.length} jobs in ${seconds.toFixed(1)} s`)
  t.ok(results.jobs.length >= 40 * 30, 'every client has a backup every day')
  t.ok(results.jobs.some(({ scheduleType }) => scheduleType === 'full'))
  const used = results.diskUnits.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
  t.ok(used < results.bytesWritten, 'what expired has made room')
})

t.test('a month of 5,000 clients passes', { skip: long ? false : 'with NB_LONG=1' }, async (t) => {
  const { results, seconds } = await playMonth(5000, 50, 30)
  t.comment(`${results.jobs.length} jobs in ${seconds.toFixed(1)} s`)
  t.ok(results.jobs.length >= 150_000)
  // The figure is printed for comparison; the bound only keeps a busy machine from waiting for ever.
  t.ok(seconds < 3000)
})

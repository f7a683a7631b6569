import { numberSetting } from '@nb/test-kit'
import t from 'tap'
import { playRandomSites } from './play.ts'
import { hour } from './sites.ts'

const long = process.env['NB_LONG'] === '1'
const runs = long ? 150 : 5
if (long) t.setTimeout(1_800_000)

t.test(`over ${runs} random sites no drive, volume or limit is overdrawn, and no byte is lost`, async (t) => {
  const first = numberSetting('NB_SEED', 1)
  t.comment(`seeds ${first} to ${first + runs - 1}`)
  let jobsSeen = 0
  const statuses = new Set<number>()
  for (const { seed, results, wrong } of await playRandomSites(first, runs)) {
    const { jobs, bytesWritten, mediaServers, drives, diskUnits } = results
    if (wrong.length > 0) t.fail(`seed ${seed}: ${[...new Set(wrong)].join('; ')}`)
    const good = jobs.reduce((sum, { bytes }) => sum + bytes, 0)
    t.equal(good, bytesWritten, `seed ${seed}`)
    const passed = (rows: readonly { readonly bytes: readonly number[] }[]): number =>
      rows.reduce((sum, { bytes }) => sum + bytes.reduce((total, each) => total + each, 0), 0)
    const through = passed(mediaServers)
    const onto = passed(drives) + passed(diskUnits)
    // Hours are rounded to bytes.
    const rounding = 24 * 7 * (drives.length + 2)
    t.ok(Math.abs(through - onto) <= rounding, `seed ${seed}: ${through} went through, ${onto} came to media`)
    t.ok(through + rounding >= good, `seed ${seed}: what was written has passed`)
    for (const { heldMs, downMs } of drives)
      t.ok(
        [...heldMs, ...downMs].every((ms) => ms >= 0 && ms <= hour),
        `seed ${seed}: an hour has one hour`,
      )
    for (const { status, activeAt, submittedAt, endedAt } of jobs) {
      if (status !== undefined) statuses.add(status)
      if ((activeAt ?? submittedAt) < submittedAt || (endedAt ?? Infinity) < (activeAt ?? 0))
        t.fail(`seed ${seed}: a job's times are out of order`)
    }
    jobsSeen += jobs.length
  }
  t.comment(`${jobsSeen} jobs; statuses ${[...statuses].sort((a, b) => a - b).join(' ')}`)
  t.ok(statuses.has(0))
})

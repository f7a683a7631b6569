import { readFileSync } from 'node:fs'
import { systemClock, toPath, type Policy } from '@nb/contracts'
import { checkPolicy, parsePolicy, previewRuns } from '@nb/scheduler'
import { runTool, wholeNumber } from './command-line.ts'

const help = `Prints when the schedules of a policy would start jobs, as if every run succeeded at once.

Usage: due-times [POLICY] [--zone ZONE] [--days N] [--from TIME]

  POLICY        a policy file: YAML as a person writes it, or JSON as @nb/contracts describes it
                (default: weekly full, daily incremental, 20:00 to 04:00)
  --zone ZONE   time zone of the windows (default: this machine's)
  --days N      how far to look, 1-3660 (default: 30)
  --from TIME   first moment, such as 2026-01-31 or 2026-01-31T20:00Z (default: now)`

const dayMs = 86_400_000
const nights = [0, 1, 2, 3, 4, 5, 6].map((weekday) => ({
  weekday,
  startSeconds: 20 * 3600,
  durationSeconds: 8 * 3600,
}))
const example: Policy = {
  name: 'example',
  active: true,
  clients: ['localhost'],
  selections: [toPath('/home')],
  storage: { kind: 'any' },
  schedules: [
    { name: 'weekly-full', type: 'full', frequencyMs: 7 * dayMs, windows: nights, retentionLevel: 3 },
    { name: 'daily-incr', type: 'differential', frequencyMs: dayMs, windows: nights, retentionLevel: 1 },
  ],
}

await runTool('due-times', help, ['zone', 'days', 'from'], ({ options, positionals: [file] }) => {
  const { zone: timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone } = options
  const days = wholeNumber('days', options.days ?? '30', 1, 3660)
  const from = options.from === undefined ? systemClock().now() : Date.parse(options.from)
  if (Number.isNaN(from)) throw new TypeError(`--from does not understand "${options.from}"`)
  const policy = file === undefined ? example : readPolicyFile(file)
  checkPolicy(policy)
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'full', timeStyle: 'long' })
  for (const client of policy.clients) {
    for (const run of previewRuns(policy, client, new Map(), { from, to: from + days * dayMs, timeZone }))
      console.log(`${format.format(run.startsAt)}  ${client}  ${run.schedule} (${run.scheduleType})`)
  }
})

function readPolicyFile(file: string): Policy {
  const text = readFileSync(file, 'utf8')
  return file.endsWith('.json') ? (JSON.parse(text) as Policy) : parsePolicy(text, { file })
}

// A server on a tape library that is there to be killed: backs up one policy after another, and tells each report on standard output.

import { bootOnTape, backUpToTape, tapePolicy } from './tape-site.ts'

const [state, url, source, streams] = process.argv.slice(2) as [string, string, string, string]
const tell = (text: string): void => void process.stdout.write(`${text}\n`)

// A server has a socket that keeps it alive while all that it has is timers.
const alive = setInterval(() => {}, 2 ** 30)
const server = await bootOnTape(
  state,
  { url },
  { tape: { streamsPerDrive: Number(streams) }, tries: 2, retryDelayMs: 1000 },
)
tell('BOOTED')
const policies = ['first', 'second'].map((name) => tapePolicy(name, source, Number(streams)))
const jobs = await Promise.all(policies.map((policy) => backUpToTape(server, policy, 'incr')))
for (const { status, backupId = 'none', statusText = '' } of jobs)
  tell(`BACKUP ${status} ${backupId} ${statusText}`)
await server.stop()
clearInterval(alive)
tell('ENDED')

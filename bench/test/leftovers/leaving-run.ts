// A run that has made a folder and started a process, and waits:
//   leaving-run.ts WORK [stubborn]      stubborn: its process ends on no signal but SIGKILL
// Says `ready`, with the number of the process.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { endOnSignals } from '../../src/leftovers/end-on-signals.ts'
import { leftovers } from '../../src/leftovers/leftovers.ts'

const [work = '', kind] = process.argv.slice(2)
endOnSignals(leftovers, (line) => console.error(line))
leftovers.open(work)
writeFileSync(join(leftovers.folder('data'), 'file'), 'x')
const trap = kind === 'stubborn' ? "trap '' TERM INT HUP; " : ''
const child = leftovers.own(spawn('sh', ['-c', `${trap}echo; while :; do sleep 0.1; done`]), {
  outlives: true,
})
await once(child.stdout, 'data')
console.log(`ready ${child.pid}`)

// One full backup to tape through the real flow, in a process of its own:
//   tape-site-run.ts URL STATE SOURCE
// Prints a line of JSON, see TapeSiteRun.

import { mkdirSync } from 'node:fs'
import { describeStatus, systemClock, toPath } from '@nb/contracts'
import { clientName, tapeStorageUnit } from '@nb/example-all-in-one/compose'
import { openTapeLibrary, tgtDriveQuirks } from '@nb/media-tape'
import { initiatorName } from './tape/library.ts'
import type { TapeSiteRun } from './tape/work.ts'
import { withServer } from './with-server.ts'

const [url, state, source] = process.argv.slice(2)
if (url === undefined || state === undefined || source === undefined)
  throw new TypeError('usage: see the head of this file')
mkdirSync(state, { recursive: true })

const library = await openTapeLibrary(
  { clock: systemClock() },
  { library: url, initiatorName, quirks: tgtDriveQuirks },
)
const run = await withServer(
  state,
  async ({ ports }): Promise<TapeSiteRun> => {
    const schedule = {
      name: 'full',
      type: 'full',
      frequencyMs: 86_400_000,
      windows: [],
      retentionLevel: 1,
    } as const
    await ports.scheduler.putPolicy({
      policy: {
        ...{ name: 'bench', active: true, clients: [clientName], selections: [toPath(source)] },
        ...{ storage: { kind: 'unit', name: tapeStorageUnit }, schedules: [schedule] },
      },
    })
    const used = process.cpuUsage()
    const begun = performance.now()
    const { jobIds } = await ports.scheduler.runNow({ policy: 'bench', schedule: 'full' })
    const job = await ports.jobs.wait({ jobId: jobIds[0] ?? '' })
    const wallMs = performance.now() - begun
    const { user, system } = process.cpuUsage(used)
    if (job.status !== 0) throw new Error(`${describeStatus(job.status ?? 130)}: ${job.statusText ?? ''}`)
    const { bytes = 0, waitedForFullBuffer, waitedForEmptyBuffer } = job.progress ?? {}
    if (waitedForFullBuffer === undefined || waitedForEmptyBuffer === undefined)
      throw new Error('the job does not tell how often it waited')
    return { wallMs, cpuMs: (user + system) / 1000, bytes, waitedForFullBuffer, waitedForEmptyBuffer }
  },
  library,
)
await library.close()
process.stdout.write(`${JSON.stringify(run)}\n`)

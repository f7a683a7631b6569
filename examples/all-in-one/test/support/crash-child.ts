// A server that is there to be killed: boots on a state, backs up, restores, and tells each report on standard output.

import type { Catalog } from '@nb/contracts'
import { boot } from './boot.ts'
import { backUp, restoreTo } from './site.ts'

const [state, source, target, mode] = process.argv.slice(2) as [string, string, string, string | undefined]

const tell = (text: string): void => void process.stdout.write(`${text}\n`)

/** Dies when step 15 begins: the job is done (14), the image not yet complete. */
const dieBeforeCompletion = (catalog: Catalog): Catalog => ({
  ...catalog,
  completeImage: () => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  },
})

const server = await boot(state, mode === 'between-14-and-15' ? { decorateCatalog: dieBeforeCompletion } : {})
tell('BOOTED')
const backup = await backUp(server, source, mode === 'full' ? 'full' : 'incr')
tell(`BACKUP ${backup.status} ${backup.backupId}`)
const restore = await restoreTo(server, source, backup.backupId as string, target)
tell(`RESTORE ${restore.status}`)
await server.stop()
tell('ENDED')

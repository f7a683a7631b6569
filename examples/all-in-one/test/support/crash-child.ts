// A server that is there to be killed: boots on a state, backs up, restores, and tells each report on standard output.

import { join } from 'node:path'
import { type Catalog, lifecycle, systemClock, systemFiles } from '@nb/contracts'
import { composeAllInOne } from '../../src/compose.ts'
import { openDatabase } from '../../src/open-database.ts'
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

const database = await openDatabase(state)
const server = composeAllInOne({
  database,
  files: systemFiles(),
  clock: systemClock(),
  imageDirectory: join(state, 'images'),
  diskDirectory: join(state, 'disk1'),
  stateDirectory: state,
  maxFragmentBytes: 1024 * 1024,
  ...(mode === 'between-14-and-15' ? { decorateCatalog: dieBeforeCompletion } : {}),
})
const all = lifecycle({ stop: () => database.close() }, server)
await all.start()
tell('BOOTED')
const backup = await backUp(server, source, mode === 'full' ? 'full' : 'incr')
tell(`BACKUP ${backup.status} ${backup.backupId}`)
const restore = await restoreTo(server, source, backup.backupId as string, target)
tell(`RESTORE ${restore.status}`)
await all.stop()
tell('ENDED')

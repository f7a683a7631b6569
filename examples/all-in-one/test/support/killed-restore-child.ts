// A server that is there to be killed in the middle of a restore: backs up, restores, and stands still when 1.5 MiB are read.

import { type Files, type OpenFile, systemFiles } from '@nb/contracts'
import { boot } from './boot.ts'
import { backUp, restoreTo } from './site.ts'

const [state, source, target] = process.argv.slice(2) as [string, string, string]

let restores = false
let bytes = 0
const system = systemFiles()
const counted = (file: OpenFile): OpenFile => ({
  read: async (into, position) => {
    if (bytes > 1.5 * 1024 * 1024) await new Promise(() => {})
    const count = await file.read(into, position)
    if (restores) bytes += count
    return count
  },
  write: (data, position) => file.write(data, position),
  sync: () => file.sync(),
  truncate: (sizeBytes) => file.truncate(sizeBytes),
  size: () => file.size(),
  close: () => file.close(),
})
const files: Files = {
  ...system,
  open: async (path, mode) => {
    const file = await system.open(path, mode)
    return path.endsWith('.nbf') ? counted(file) : file
  },
}

const server = await boot(state, { files })
const backup = await backUp(server, source, 'full')
restores = true
process.stdout.write(`BACKUP ${backup.status}\n`)
await restoreTo(server, source, backup.backupId as string, target)
process.stdout.write('RESTORED\n')

// A server that is there to be killed in the middle of a duplicate: backs up, then copies to the second disk, where it stands still in
// the third fragment.

import { randomUUID } from 'node:crypto'
import { type ImageRecord, duplicateJobRequest, systemFiles } from '@nb/contracts'
import { boot } from './boot.ts'
import { backUp } from './site.ts'

const [state, source, secondDisk] = process.argv.slice(2) as [string, string, string]

const files = systemFiles()
const server = await boot(state, {
  settings: { tries: 1, secondDisk },
  files: {
    ...files,
    open: async (path, mode) => {
      if (path.startsWith(secondDisk) && /\/2-0*3\.nbf\.tmp$/.test(path)) {
        process.stdout.write('STANDS STILL\n')
        await new Promise(() => {})
      }
      return files.open(path, mode)
    },
  },
})
const { catalog, jobs } = server.ports
const { status, backupId = '' } = await backUp(server, source, 'full')
process.stdout.write(`BACKUP ${status} ${backupId}.\n`)
const image = (await catalog.getImage({ backupId })) as ImageRecord
const storage = { kind: 'unit', name: 'disk2' } as const
await jobs.wait(await jobs.submit(duplicateJobRequest(image, { requestId: randomUUID(), storage })))
process.stdout.write('DUPLICATED\n')

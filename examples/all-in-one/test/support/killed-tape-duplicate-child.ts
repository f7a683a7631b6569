// A server on a tape library that dies in the middle of a duplicate from its disk to tape: once its first volume is full.

import { setTimeout as sleep } from 'node:timers/promises'
import { duplicateJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import { storageUnit, tapeStorageUnit } from '../../src/compose.ts'
import { backUpToTape, bootOnTape, tapePolicy } from './tape-site.ts'

const [state, url, source] = process.argv.slice(2) as [string, string, string]

// A server has a socket that keeps it alive while all that it has is timers.
setInterval(() => {}, 2 ** 30)
const server = await bootOnTape(state, { url })
const { catalog, jobs, media } = server.ports
const onDisk = { ...tapePolicy('disk', source), storage: { kind: 'unit', name: storageUnit } as const }
const { status, backupId = '' } = await backUpToTape(server, onDisk)
process.stdout.write(`BACKUP ${status} ${backupId}.\n`)
const image = await catalog.getImage({ backupId })
if (image === undefined) throw new Error(`there is no image ${backupId}`)
const storage = { kind: 'unit', name: tapeStorageUnit } as const
const { jobId } = await jobs.submit(duplicateJobRequest(image, { requestId: 'killed', storage }))
for (;;) {
  const volumes = await collect(media.volumes({}))
  if (volumes.some(({ state: now }) => now === 'full')) process.kill(process.pid, 'SIGKILL')
  if ((await jobs.get({ jobId }))?.state === 'done') throw new Error('the duplicate has ended')
  await sleep(2)
}

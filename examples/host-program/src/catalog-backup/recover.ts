import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { importJobRequest, type Job, NbError, systemFiles, toPath } from '@nb/contracts'
import { Level } from 'level'
import { openDatabase } from '../database/index.ts'
import { composeScratch, type ScratchServer, scratchClient } from './compose-scratch.ts'
import { loadDatabase } from './database-dump.ts'
import { checkState, checkUnitFolder, checkWorkFolder } from './recovery-places.ts'
import { lockRecovery } from './recovery-lock.ts'
import { readRecoveryFile, type Recovery } from './recovery-file.ts'
import { dumpName, imagesName } from './snapshot.ts'

/** What to recover, and where to. Paths are absolute. */
export interface RecoverOptions {
  readonly recoveryFile: string
  /** The state folder to make; empty, or not there. */
  readonly state: string
  /** Where the folder of the storage unit is by now. @default as the recovery file says */
  readonly unitFolder?: string
}

/**
 * Makes a state folder from a backup of the catalog, with nothing but the recovery file and the folder of the storage unit. It is
 * made beside its place and gets its name when all of it is there, so a recovery that is killed leaves nothing half done; the next
 * begins anew. One at a time makes a state.
 * @throws NbError `target-exists`, `store-locked`, `media-open-failed`, `fragment-missing`, `store-corrupt`, `version-unsupported`, or what the import or the restore ended with
 */
export async function recover({ recoveryFile, state, unitFolder }: RecoverOptions): Promise<Recovery> {
  const recovery = readRecoveryFile(recoveryFile)
  const folder = unitFolder ?? recovery.unitFolder ?? folderWanted(recovery)
  const work = `${state}.recovering`
  checkState(state)
  checkWorkFolder(work)
  checkUnitFolder(recovery, folder)
  const unlock = await lockRecovery(work, state).catch((error: unknown) => {
    // Another may have made it meanwhile, and removed that folder.
    checkState(state)
    throw error
  })
  try {
    checkState(state)
    for (const name of ['scratch', 'snapshot', 'state'])
      await rm(join(work, name), { recursive: true, force: true })
    await makeState(recovery, folder, work, state)
  } finally {
    await unlock()
    // Whoever takes the lock from now on finds the state there, and makes nothing.
    if (existsSync(join(state, 'database'))) await rm(work, { recursive: true, force: true, maxRetries: 3 })
  }
  return recovery
}

function folderWanted({ storageUnit, mediaServer }: Recovery): never {
  throw new NbError(
    'value-missing',
    `say with --recover-from DIR where the folder of storage unit ${storageUnit} is here; it belongs to media server ${mediaServer ?? 'unknown'}: mount it, or copy it`,
    { details: { field: 'recoverFrom', storageUnit } },
  )
}

/** Makes the state in the folder to work in, and gives it its name. */
async function makeState(recovery: Recovery, folder: string, work: string, state: string): Promise<void> {
  const snapshot = join(work, 'snapshot')
  const scratch = join(work, 'scratch')
  await restoreSnapshot(recovery, folder, scratch, snapshot)
  const made = join(work, 'state')
  await mkdir(made, { mode: 0o700 })
  const database = new Level<string, string>(join(made, 'database'))
  await database.open()
  try {
    await loadDatabase(join(snapshot, dumpName), database)
  } finally {
    await database.close()
  }
  await rename(join(snapshot, imagesName), join(made, imagesName))
  // The catalog backups themselves are not in the snapshot: what was imported is.
  await cp(join(scratch, imagesName), join(made, imagesName), { recursive: true, force: false })
  const files = systemFiles()
  await files.syncDirectory(join(made, imagesName))
  await files.syncDirectory(made)
  checkState(state)
  // Over an empty folder, or nothing: what came there meanwhile stays, and this fails.
  await rename(made, state)
  await files.syncDirectory(join(state, '..'))
}

/** Imports the catalog backup into a server that is there for this alone, and restores it. */
async function restoreSnapshot(
  recovery: Recovery,
  folder: string,
  scratch: string,
  target: string,
): Promise<void> {
  const database = await openDatabase(scratch)
  const server = composeScratch(database, { scratch, storageUnit: recovery.storageUnit, folder })
  try {
    await server.start()
    await bringBack(server, recovery, target)
  } finally {
    await server.stop()
    await database.close()
  }
}

async function bringBack({ ports }: ScratchServer, recovery: Recovery, target: string): Promise<void> {
  const { backupId, client, images, storageUnit, snapshot } = recovery
  const request = importJobRequest({ requestId: randomUUID(), storageUnit, images })
  const imported = await ports.jobs.wait(await ports.jobs.submit(request))
  await ended(ports, imported, 'the import of the catalog backup')
  const { jobId } = await ports.restores.submit({
    requestId: randomUUID(),
    from: { client, backupId },
    paths: [toPath(snapshot)],
    destinationClient: scratchClient,
    target: { kind: 'directory', directory: toPath(target), strip: toPath(snapshot) },
  })
  await ended(ports, await ports.jobs.wait({ jobId }), 'the restore of the catalog backup')
}

/** The server that ran the job goes with its log: what the log says of the failure stands in the error. */
async function ended(
  ports: ScratchServer['ports'],
  { status, statusText, id }: Job,
  what: string,
): Promise<void> {
  if (status === 0) return
  const told: string[] = []
  for await (const { severity, text } of ports.jobs.log({ jobId: id }))
    if (severity !== 'info' && told.length < 5) told.push(text)
  throw new NbError(
    'image-inconsistent',
    `${what} ended with ${status ?? 'no status'}: ${[statusText, ...told].join('; ')}\nname a whole copy of the storage unit with --recover-from DIR, or take an older recovery file`,
    { details: { jobId: id } },
  )
}

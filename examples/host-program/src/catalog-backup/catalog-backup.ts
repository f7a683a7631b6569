import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  asNbError,
  type Catalog,
  type ClientAgent,
  type Clock,
  type Files,
  type JobLog,
  type JobLogLine,
  NbError,
  type Scheduler,
  type Store,
} from '@nb/contracts'
import { type RecoveryCommands, recoveryOf, type UnitPlaces, writeRecoveryFile } from './recovery-file.ts'
import { takeSnapshot } from './snapshot.ts'

/** What backups of the catalog work with. */
export interface CatalogBackupParts {
  readonly database: Store
  readonly files: Files
  readonly clock: Clock
  readonly log: JobLog
  readonly imageDirectory: string
  /** The folder whose loss a recovery is for, absolute. */
  readonly stateDirectory: string
  /** Where the snapshot and the recovery files are, absolute. */
  readonly directory: string
  readonly units: UnitPlaces
  readonly commands: RecoveryCommands
}

/** The folder that a policy selects to back up the catalog. */
export function snapshotFolder(directory: string): string {
  return join(directory, 'snapshot')
}

/**
 * The client of a server whose catalog is backed up: a backup of the snapshot's folder has the snapshot taken before it is read, and
 * removed after. One at a time: another is refused (228).
 */
export function withSnapshots(client: ClientAgent, parts: CatalogBackupParts): ClientAgent {
  const folder = snapshotFolder(parts.directory)
  let isBusy = false
  const end = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true })
    isBusy = false
  }
  return {
    fileSystems: (input, call) => client.fileSystems(input, call),
    startRestore: (input, call) => client.startRestore(input, call),
    startRemoval: (input, call) => client.startRemoval(input, call),
    checkpoints: (input, call) => client.checkpoints(input, call),
    goOn: (input, call) => client.goOn(input, call),
    waitRun: (input, call) => client.waitRun(input, call),
    progress: (input, call) => client.progress(input, call),
    abortRun: (input, call) => client.abortRun(input, call),
    startBackup: async (input, call) => {
      if (!input.walk.roots.some((path) => path === folder)) return client.startBackup(input, call)
      if (isBusy)
        throw new NbError(
          'state-conflict',
          'the catalog is being backed up already; try when that has ended',
          {
            details: { directory: parts.directory },
          },
        )
      isBusy = true
      try {
        await takeSnapshot(parts.database, parts.imageDirectory, folder)
        const run = await client.startBackup(input, call)
        void client
          .waitRun(run)
          .catch(() => undefined)
          .then(end)
          // What is left is taken away by the next one.
          .catch(() => (isBusy = false))
        return run
      } catch (error) {
        await end()
        throw asNbError(error, 'store-failed')
      }
    },
  }
}

/** Writes a recovery file after each backup of the catalog, and tells it in the job's log. */
export function tellRecovery(
  catalog: Catalog & {
    on(name: 'image:completed', listener: (event: { backupId: string; jobId: string }) => void): unknown
  },
  scheduler: Pick<Scheduler, 'policies'>,
  parts: CatalogBackupParts,
  warn: (text: string) => void,
): void {
  const { files, clock, log, directory, stateDirectory, units, commands } = parts
  const snapshot = snapshotFolder(directory)
  const write = async (backupId: string, jobId: string): Promise<void> => {
    const image = await catalog.getImage({ backupId })
    if (image?.selections.some((path) => path === snapshot) !== true) return
    const names: string[] = []
    for await (const { name } of scheduler.policies({})) names.push(name)
    const recovery = await recoveryOf(image, { now: clock.now(), snapshot, units, policies: names })
    if (recovery === undefined) {
      warn(
        `image ${backupId} of the catalog is on no disk storage unit that this server knows: no recovery file is written`,
      )
      return
    }
    const path = await writeRecoveryFile(files, directory, recovery, commands)
    const text = `the recovery file is ${path}; keep a copy of it elsewhere`
    const lines: JobLogLine[] = [{ time: clock.now(), component: 'catalog', severity: 'info', text }]
    if (`${recovery.unitFolder ?? ''}/`.startsWith(`${stateDirectory}/`)) {
      const lost = `storage unit ${recovery.storageUnit} lies in the state folder ${stateDirectory}: what loses the state loses this backup of the catalog too, and its recovery file is of no use then; let the policy write to a storage unit elsewhere`
      lines.push({ time: clock.now(), component: 'catalog', severity: 'warning', text: lost })
      warn(lost)
    }
    await log.append({ jobId, lines })
  }
  catalog.on('image:completed', ({ backupId, jobId }) => {
    write(backupId, jobId).catch((error: unknown) =>
      warn(`no recovery file could be written after image ${backupId}: ${asNbError(error).message}`),
    )
  })
}

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  asNbError,
  type Catalog,
  type ClientAgent,
  type Clock,
  type Files,
  type ImageRecord,
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

/** Writes the recovery file of an image of the catalog, for any other does nothing; never rejects, the job's log tells what failed. */
export type RecoveryWriter = (image: ImageRecord) => Promise<void>

/** What writes a recovery file for each backup of the catalog, and tells it in the job's log. */
export function recoveryWriter(
  scheduler: Pick<Scheduler, 'policies'>,
  parts: CatalogBackupParts,
  warn: (text: string) => void,
): RecoveryWriter {
  const { files, clock, log, directory, stateDirectory, units, commands } = parts
  const snapshot = snapshotFolder(directory)
  const write = async (image: ImageRecord): Promise<readonly Told[]> => {
    const names: string[] = []
    for await (const { name } of scheduler.policies({})) names.push(name)
    const recovery = await recoveryOf(image, { now: clock.now(), snapshot, units, policies: names })
    if (recovery === undefined)
      throw new NbError('storage-unit-unknown', 'it is on no disk storage unit that this server knows')
    const path = await writeRecoveryFile(files, directory, recovery, commands)
    const told: Told[] = [['info', `the recovery file is ${path}; keep a copy of it elsewhere`]]
    if (`${recovery.unitFolder ?? ''}/`.startsWith(`${stateDirectory}/`))
      told.push([
        'warning',
        `storage unit ${recovery.storageUnit} lies in the state folder ${stateDirectory}: what loses the state loses this backup of the catalog too, and its recovery file is of no use then; let the policy write to a storage unit elsewhere`,
      ])
    return told
  }
  return async (image) => {
    const { backupId, jobId, selections } = image
    if (!selections.some((path) => path === snapshot)) return
    const told = await write(image).catch((error: unknown): readonly Told[] => [
      [
        'error',
        `no recovery file could be written after image ${backupId} of the catalog: ${asNbError(error).message}; mend that and back the catalog up again`,
      ],
    ])
    for (const [severity, text] of told) if (severity !== 'info') warn(text)
    const lines = told.map(([severity, text]): JobLogLine => ({
      time: clock.now(),
      component: 'catalog',
      severity,
      text,
    }))
    await log.append({ jobId, lines }).catch((error: unknown) => {
      warn(`job ${jobId} does not tell of its recovery file: ${asNbError(error).message}`)
    })
  }
}

type Told = readonly [severity: JobLogLine['severity'], text: string]

/**
 * The catalog of a job manager: a backup of the catalog is complete when its recovery file is written, so that the job ends after it. What is
 * asked again after a crash writes it again.
 *
 * @param writer - gives what writes them, once there is something; asked with each image
 */
export function withRecoveryFiles(catalog: Catalog, writer: () => RecoveryWriter | undefined): Catalog {
  return {
    ...catalog,
    completeImage: async (input, call) => {
      const image = await catalog.completeImage(input, call)
      await writer()?.(image)
      return image
    },
  }
}

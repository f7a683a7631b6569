import { join } from 'node:path'
import {
  type ClientAgent,
  type Clock,
  type DataChannels,
  type Files,
  type Lifecycle,
  type Store,
} from '@nb/contracts'
import {
  type CatalogBackupParts,
  recover,
  recoveryWriter,
  type RecoveryWriter,
  type UnitPlace,
  withSnapshots,
} from '@nb/example-host-program/catalog-backup'
import { createClientAgent } from '@nb/transfer'
import type { AddressBook } from '@nb/remote'
import type { MasterPorts } from './compose-master.ts'
import type { MasterOptions } from './master-options.ts'

/** What backups of a master's catalog work with. */
export interface CatalogBackupGround {
  readonly database: Store
  readonly files: Files
  readonly clock: Clock
  readonly channels: DataChannels
  /** Folder of all state of the master. */
  readonly stateDirectory: string
  /** Where the snapshot and the recovery files are. */
  readonly directory: string
  readonly ports: Pick<MasterPorts, 'jobLog' | 'media' | 'scheduler'>
  /** Is told what an administrator must know. */
  readonly warn: (text: string) => void
}

/** The client that the master is of itself, so that a media server takes the backup of its catalog as that of any other; and what writes the recovery files. */
export function catalogClient(ground: CatalogBackupGround): {
  readonly life: Lifecycle
  readonly clientAgent: ClientAgent
  readonly writeRecovery: RecoveryWriter
} {
  const { database, files, clock, channels, stateDirectory, directory, ports, warn } = ground
  const { jobLog: log, media, scheduler } = ports
  const agent = createClientAgent(
    { channels, clock, log },
    { neverPaths: [stateDirectory], restoreNotes: join(stateDirectory, 'restores') },
  )
  const units = async (name: string): Promise<UnitPlace | undefined> => {
    for await (const unit of media.storageUnits({ name }))
      if (unit.type === 'disk') return { mediaServer: unit.mediaServer }
    return undefined
  }
  const parts: CatalogBackupParts = {
    ...{ database, files, clock, log, directory, stateDirectory, units },
    imageDirectory: join(stateDirectory, 'images'),
    commands: {
      recover: 'node examples/master-server/dist/main.js --recover',
      start: () => 'node examples/master-server/dist/main.js --state STATE …',
      before:
        'Bring the folder authority/ of the lost state into STATE, from where you keep it; without it every host and person enrols anew.',
    },
  }
  const writeRecovery = recoveryWriter(scheduler, parts, warn)
  return { life: agent, clientAgent: withSnapshots(agent, parts), writeRecovery }
}

/** Other clients, and the master as one more. */
export function withItself(clients: AddressBook, name: string, address: string): AddressBook {
  return {
    get: (client) => (client === name ? address : clients.get(client)),
    has: (client) => client === name || clients.has(client),
    keys: () => new Set([name, ...clients.keys()]).values(),
  }
}

/** Makes a state from a recovery file, and says what is to be done then. */
export async function recoverMaster(
  state: string,
  { recover: recoveryFile = '', recoverFrom }: Pick<MasterOptions, 'recover' | 'recoverFrom'>,
): Promise<string> {
  const unit = recoverFrom === undefined ? {} : { unitFolder: recoverFrom }
  const { writtenAt } = await recover({ recoveryFile, state, ...unit })
  return `nb: ${state} is as the catalog backup of ${writtenAt} has it; bring the folder authority/ of the lost master into it before its first start, or every host enrols anew`
}

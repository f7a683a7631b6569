import { resolve } from 'node:path'
import { type Command, type HostProgram, seconds } from '@nb/example-host-program'

/** What a master server is told beside what each host is. Paths are absolute. */
export interface MasterOptions {
  /** How long a media server may be silent before its jobs end with 811, milliseconds. */
  readonly mediaServerTimeoutMs: number
  /** The folder for backups of the catalog. @default there are none */
  readonly catalogBackup?: string
  /** A recovery file to make the state from; nothing else is done then. */
  readonly recover?: string
  /** The folder of the storage unit with the catalog backup, on this host. */
  readonly recoverFrom?: string
}

/** The program, for `parseHostOptions`. */
export const masterProgram: HostProgram<MasterOptions> = {
  name: 'master-server',
  description:
    'A master server: policies, jobs, resources, catalog and restores of a site. Media and clients are on other hosts.',
  needsMaster: false,
  options: (program) =>
    program
      .option(
        '--media-server-timeout <SECONDS>',
        'how long a media server may be silent before its jobs end with 811',
        seconds,
        600,
      )
      .option(
        '--catalog-backup <DIR>',
        'folder outside the state for backups of the catalog: a policy that has this master as its client and selects DIR/snapshot backs the catalog up, and a recovery file is written to DIR',
      )
      .option(
        '--recover <FILE>',
        'make the state from the catalog backup that a recovery file names, and end',
      )
      .option(
        '--recover-from <DIR>',
        'with --recover: the folder of the storage unit with it, mounted or copied to this host',
      ),
  read,
  examples: `Examples:
  master-server --state /var/lib/nb/master --address backup1.example.org
  master-server --state /var/lib/nb/master --address backup1.example.org --catalog-backup /var/lib/nb-recovery
  master-server --state /var/lib/nb/master --recover recovery-TIME.json --recover-from /mnt/disk1
  nb --state /var/lib/nb/master host token web1 --role client     in another terminal: lets web1 enrol`,
}

function read(program: Command): MasterOptions {
  const { mediaServerTimeout, catalogBackup, recover, recoverFrom, state } = program.opts<{
    readonly mediaServerTimeout: number
    readonly catalogBackup?: string
    readonly recover?: string
    readonly recoverFrom?: string
    readonly state: string
  }>()
  const refuse = (why: string): never => program.error(`error: ${why}`, { exitCode: 2 })
  if (recoverFrom !== undefined && recover === undefined)
    refuse('--recover-from needs --recover, the recovery file')
  if (recover !== undefined && catalogBackup !== undefined)
    refuse(
      '--recover makes the state and ends: leave --catalog-backup away, and start the master on it after that',
    )
  if (catalogBackup !== undefined && `${resolve(catalogBackup)}/`.startsWith(`${resolve(state)}/`))
    refuse(
      `--catalog-backup ${catalogBackup} is in the state folder: what loses that loses the recovery files too`,
    )
  return {
    mediaServerTimeoutMs: mediaServerTimeout * 1000,
    ...(catalogBackup === undefined ? {} : { catalogBackup: resolve(catalogBackup) }),
    ...(recover === undefined ? {} : { recover: resolve(recover) }),
    ...(recoverFrom === undefined ? {} : { recoverFrom: resolve(recoverFrom) }),
  }
}

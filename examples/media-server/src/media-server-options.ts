import { resolve } from 'node:path'
import { type Command, type HostProgram, seconds } from '@nb/example-host-program'
import {
  addTapeOptions,
  readTapeOptions,
  type SaidOfTapes,
  tapeStorageUnit,
} from '@nb/example-host-program/tape'

/** What a media server is told beside what each host is. Paths are absolute. */
export interface MediaServerOptions extends SaidOfTapes {
  /** Its disk storage units: folder by name. */
  readonly disks: Readonly<Record<string, string>>
  /** Names of those whose empty folder becomes a storage unit. */
  readonly newDisks: readonly string[]
  /** Names of those that become this media server's, whoever's they were. */
  readonly takenDisks: readonly string[]
  /** How long a client may be silent while it is waited for, milliseconds. */
  readonly clientTimeoutMs: number
  /** The storage unit of the tape library. */
  readonly tapeUnit: string
}

/** The program, for `parseHostOptions`. */
export const mediaServerProgram: HostProgram<MediaServerOptions> = {
  name: 'media-server',
  description:
    'A media server with disk storage units, a tape library, or both, for a master server on another host.',
  needsMaster: true,
  options: (program) => {
    program
      .option(
        '--disk <NAME=DIR...>',
        'a disk storage unit and the folder it is in; may be said several times',
      )
      .option(
        '--new-disk <NAME...>',
        'of these the empty folder becomes a storage unit: say it at the first start, and no more',
      )
      .option(
        '--take-disk <NAME...>',
        "of these the folder becomes this media server's, whoever's it was: say it once, when the other is renamed or gone",
      )
      .option(
        '--client-timeout <SECONDS>',
        'how long a client may send nothing while it is waited for, before its session ends with 41 or 76',
        seconds,
        300,
      )
    addTapeOptions(program).option(
      '--tape-unit <NAME>',
      `the storage unit of the library, as the master knows it (default: ${tapeStorageUnit})`,
    )
  },
  read,
  examples: `Examples:
  media-server --state /var/lib/nb/media-server --address media1.example.org --master backup1.example.org --disk disk1=/backup --new-disk disk1
  media-server --state /var/lib/nb/media-server --address media2.example.org --master backup1.example.org --tape iscsi://tapes.example.org`,
}

function read(program: Command): MediaServerOptions {
  const given = program.opts<{
    disk?: readonly string[]
    newDisk?: readonly string[]
    takeDisk?: readonly string[]
    clientTimeout: number
    tapeUnit?: string
  }>()
  const { disk = [], newDisk = [], takeDisk = [], clientTimeout, tapeUnit = tapeStorageUnit } = given
  const disks = Object.fromEntries(
    disk.map((text) => {
      const [unit = '', ...folder] = text.split('=')
      if (unit === '' || folder.join('=') === '')
        program.error(`error: --disk is NAME=DIR, not ${text}`, { exitCode: 2 })
      return [unit, resolve(folder.join('='))]
    }),
  )
  for (const [option, units] of Object.entries({ '--new-disk': newDisk, '--take-disk': takeDisk })) {
    const unknown = units.find((unit) => !Object.hasOwn(disks, unit))
    if (unknown !== undefined)
      program.error(`error: ${option} ${unknown} is none of those of --disk`, { exitCode: 2 })
  }
  const tapes = readTapeOptions(program, process.env)
  if (disk.length === 0 && tapes.tape === undefined && tapes.newTapeKey === undefined)
    program.error('error: a media server needs --disk, --tape, or both', { exitCode: 2 })
  return {
    disks,
    newDisks: newDisk,
    takenDisks: takeDisk,
    clientTimeoutMs: clientTimeout * 1000,
    tapeUnit,
    ...tapes,
  }
}

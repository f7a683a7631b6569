import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { asNbError, describeStatus, NbError, systemClock, type TapeDrive } from '@nb/contracts'
import { FormatError } from '@nb/formats'
import { type IscsiChap, tgtDriveQuirks } from '@nb/media-tape'
import { describeEnding, describeFile, describeRecord, describeTape } from './describe.ts'
import { dumpTape, type DumpedFile, type WholeFragment } from './dump-tape.ts'
import { readFileList } from './file-list.ts'
import { asJson } from './json.ts'
import { type OpenDrive, openDrive, openTapeFile } from './open-drive.ts'

const help = `Lists the images on a tape without a catalog: what is on the tape, of each file its header and footer.

Usage: tape-dump iscsi://HOST[:PORT]/TARGET/LUN     the volume in the drive that is this logical unit
       tape-dump iscsi://HOST[:PORT][/TARGET]       the volume in a drive of this library
       tape-dump FILE.tape                          a tape of the emulated library; the file is only read

  --drive N          the library's drive of this number, from 1 (default: 1)
  --volume BARCODE   has the robot put this volume into the drive first, and put it back afterwards
  --files BACKUPID   also the files of this image, as far as they are on this tape
  --json             a JSON object for each line: the tape, its files, the files of the image, the end
  --tgt              the drive is one of tgtd that has another name than tgtd gave it
  --initiator NAME   our own iqn (default: $NB_ISCSI_INITIATOR, else iqn.2026-11.example.nb: and the name of this host)
  --help             this text

User and secret for CHAP come from NB_ISCSI_USER and NB_ISCSI_SECRET. The drive is reserved meanwhile, where it can be.

Ends with 0 when the tape was told, also where it is blank or another program's; with 1 when something on it is damaged or could not be
read; with 2 for wrong usage.`

class Usage extends Error {}

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  if (values.help === true) return void console.log(help)
  const [source, ...more] = positionals
  if (source === undefined || more.length > 0) throw new Usage('name one drive, library or file')
  const opened = await open(source, values)
  try {
    await dump(opened.drive, values.json === true, values.files)
  } finally {
    await opened.close()
  }
}

type Values = ReturnType<typeof readArguments>['values']

async function open(source: string, values: Values): Promise<OpenDrive> {
  const clock = systemClock()
  if (!source.startsWith('iscsi://')) {
    const [option] = (['drive', 'volume', 'tgt', 'initiator'] as const).filter(
      (one) => values[one] !== undefined,
    )
    if (option !== undefined) throw new Usage(`--${option} goes with an iscsi:// URL`)
    return openTapeFile(clock, source)
  }
  if (values.drive !== undefined && !/^[1-9]\d{0,2}$/.test(values.drive))
    throw new Usage(`--drive is a whole number from 1, not "${values.drive}"`)
  const chap = readChap()
  return openDrive(clock, {
    url: source,
    initiatorName: values.initiator ?? process.env['NB_ISCSI_INITIATOR'] ?? defaultInitiator(),
    ...(chap === undefined ? {} : { chap }),
    ...(values.drive === undefined ? {} : { number: Number(values.drive) }),
    ...(values.volume === undefined ? {} : { volume: values.volume }),
    ...(values.tgt === true ? { quirks: tgtDriveQuirks } : {}),
  })
}

/** Tells the tape while it is read; the file lists of an image in its place. */
async function dump(drive: TapeDrive, json: boolean, backupId: string | undefined): Promise<void> {
  const say = (plain: object, text: string): void => console.log(json ? JSON.stringify(plain) : text)
  let found = false
  await dumpTape(drive, {
    onTape: (content) => {
      if (content.kind === 'nb-damaged' || content.kind === 'unreadable') process.exitCode = 1
      say({ tape: content }, describeTape(content))
    },
    onFile: async (told) => {
      if (!isWhole(told)) process.exitCode = 1
      say(asJson(told), describeFile(told))
      const wanted = fragmentsOf(told).filter(({ header }) => header.backupId === backupId)
      if (wanted.length === 0) return
      found = true
      const { object } = await drive.position()
      for (const fragment of wanted)
        await readFileList(drive, fragment, (record, list) =>
          say(asJson({ kind: 'entry', record, list }), describeRecord(record, list)),
        )
      await drive.locate({ object })
    },
    onEnding: (ending) => {
      const text = describeEnding(ending)
      if (json) console.log(JSON.stringify({ ending }))
      else if (text !== undefined) console.log(text)
    },
  })
  if (backupId !== undefined && !found)
    throw new NbError('not-found', `there is no whole fragment of image ${backupId} on this tape`)
}

function fragmentsOf(told: DumpedFile): readonly WholeFragment[] {
  if (told.kind === 'fragment') return [told]
  return told.kind === 'multiplexed' ? told.streams.filter((one) => one.whole) : []
}

function isWhole(told: DumpedFile): boolean {
  return told.kind !== 'damaged' && (told.kind !== 'multiplexed' || told.streams.every(({ whole }) => whole))
}

function readChap(): IscsiChap | undefined {
  const { NB_ISCSI_USER: name = '', NB_ISCSI_SECRET: secret = '' } = process.env
  if (name === '' && secret === '') return undefined
  if (name === '' || secret === '') throw new Usage('CHAP takes both NB_ISCSI_USER and NB_ISCSI_SECRET')
  return { name, secret }
}

function defaultInitiator(): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
  return `iqn.2026-11.example.nb:${host === '' ? 'host' : host}`
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        drive: { type: 'string' },
        volume: { type: 'string' },
        files: { type: 'string' },
        json: { type: 'boolean' },
        tgt: { type: 'boolean' },
        initiator: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Usage((error as Error).message)
  }
}

/** What went wrong, and what to do about it. */
function complaintOf(error: unknown): string {
  if (error instanceof FormatError)
    return `what was read is damaged: ${error.message} (${error.code})\n  Read the tape in another drive, or use another copy of the image.`
  const known = asNbError(error)
  if (!(error instanceof NbError)) return known.message
  const reserved = known.details['reserved'] === true
  const remedy = reserved ? 'Another host works with the drive. Ask again when that is done.' : known.remedy
  return `${known.message} (${known.code}, ${describeStatus(known.status)})\n  ${remedy}`
}

// A reader that has had enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main()
} catch (error) {
  const isUsage = error instanceof Usage || (error instanceof NbError && error.code === 'argument-invalid')
  console.error(`tape-dump: ${isUsage ? `${error.message}\nTry: tape-dump --help` : complaintOf(error)}`)
  process.exitCode = isUsage ? 2 : 1
}

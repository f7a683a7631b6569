import { parseArgs } from 'node:util'
import { asNbError, describeStatus, NbError, systemClock, type TapeDrive } from '@nb/contracts'
import { FormatError } from '@nb/formats'
import { readLibraryAccess, remedyOfLibrary, tgtDriveQuirks } from '@nb/media-tape'
import { describeEnding, describeFile, describeRecord, describeTape } from './describe.ts'
import { dumpTape, type DumpedFile, type WholeFragment } from './dump-tape.ts'
import { readFileList } from './file-list.ts'
import { asJson } from './json.ts'
import { type OpenDrive, openDrive } from './open-drive.ts'
import { openTapeFile } from './open-tape-file.ts'

const help = `Lists the images on a tape without a catalog: what is on the tape, of each file its header and footer.

Usage: tape-dump iscsi://HOST[:PORT]/TARGET/LUN     the volume in the drive that is this logical unit
       tape-dump iscsi://HOST[:PORT][/TARGET[/LUN]] the volume in a drive of this library, or of this robot
       tape-dump /dev/sgN                           the volume in this drive of the host (also /dev/nstN), or in a drive of this robot
       tape-dump FILE.tape                          a tape of the emulated library; the file is only read

  --drive N          the library's drive of this number, from 1 (default: 1; with --volume the one that it is in, else an empty one)
  --volume VOLUME    have the robot put this volume into the drive first, and put it back afterwards: its barcode or its id
  --files BACKUPID   also the files of this image, as far as they are on this tape
  --json             a JSON object for each line: the tape, its files, the files of the image, the end
  --tgt              the drive is one of tgtd that has another name than tgtd gave it
  --chap FILE        name and secret for CHAP: lines such as "user = me" and "secret = …", and for a target that has to prove
                     itself "target-user = …" and "target-secret = …"; only its owner may be able to use it (default: the variables
                     NB_ISCSI_USER, NB_ISCSI_SECRET, NB_ISCSI_TARGET_USER and NB_ISCSI_TARGET_SECRET)
  --initiator NAME   our own iqn (default: $NB_ISCSI_INITIATOR, else iqn.2026-11.example.nb: and the name of this host)
  --help             this text

The drive is reserved meanwhile, where it can be.

Ends with 0 when the tape was told, also where it is blank or another program's; with 1 when something on it is damaged or could not be
read; with 2 for wrong usage.`

let initiatorName = ''

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  if (values.help === true) return void console.log(help)
  const [source, ...more] = positionals
  if (source === undefined || more.length > 0) throw usage('name one drive, library or file')
  const opened = await open(source, values)
  try {
    await dump(opened.drive, values.json === true, values.files)
  } finally {
    await opened.close()
  }
}

type Values = ReturnType<typeof readArguments>['values']

async function open(source: string, values: Values): Promise<OpenDrive> {
  const { drive, volume, tgt, chap: chapFile, initiator } = values
  const clock = systemClock()
  if (!/^\/dev\/|^[a-z]+:\/\//.test(source)) {
    const [option] = (['drive', 'volume', 'tgt', 'chap', 'initiator'] as const).filter(
      (one) => values[one] !== undefined,
    )
    if (option !== undefined)
      throw usage(`--${option} goes with an iscsi:// URL or a device, not with a file`)
    return openTapeFile(clock, source)
  }
  if (drive !== undefined && !/^[1-9]\d{0,2}$/.test(drive))
    throw usage(`--drive is a whole number from 1, not "${drive}"`)
  const access = readLibraryAccess({
    library: source,
    environment: process.env,
    ...(chapFile === undefined ? {} : { chapFile }),
    ...(initiator === undefined ? {} : { initiatorName: initiator }),
  })
  initiatorName = access.initiatorName
  return openDrive(clock, {
    access,
    ...(drive === undefined ? {} : { number: Number(drive) }),
    ...(volume === undefined ? {} : { volume }),
    ...(tgt === true ? { quirks: tgtDriveQuirks } : {}),
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

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      drive: { type: 'string' },
      volume: { type: 'string' },
      files: { type: 'string' },
      json: { type: 'boolean' },
      tgt: { type: 'boolean' },
      chap: { type: 'string' },
      initiator: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

const usage = (message: string): NbError => new NbError('argument-invalid', message)

/** What went wrong, and what to do about it. */
function complaintOf(error: unknown): string {
  if (error instanceof FormatError)
    return `what was read is damaged: ${error.message} (${error.code})\n  Read the tape in another drive, or use another copy of the image.`
  const known = asNbError(error)
  if (!(error instanceof NbError)) return known.message
  return `${known.message} (${known.code}, ${describeStatus(known.status)})\n  ${remedyOf(known)}`
}

function remedyOf(error: NbError): string {
  if (error.code === 'store-corrupt')
    return 'A tape of the emulated library is a file NAME.tape; a tape drive of this host is named by its device, such as /dev/nst0.'
  if (error.details['quirk'] === 'positions')
    return 'Say --tgt: it is most likely a drive of tgtd, which has another name.'
  return remedyOfLibrary(error, { initiatorName })
}

// A reader that has had enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main()
} catch (error) {
  const { code = '', message } = error as NodeJS.ErrnoException
  const isUsage = code === 'argument-invalid' || code.startsWith('ERR_PARSE_ARGS')
  console.error(`tape-dump: ${isUsage ? `${message}\nTry: tape-dump --help` : complaintOf(error)}`)
  process.exitCode = isUsage ? 2 : 1
}

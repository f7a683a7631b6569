import { parseArgs } from 'node:util'
import { asNbError, describeStatus, NbError, systemClock } from '@nb/contracts'
import {
  discoverTargets,
  openUnits,
  parseIscsiUrl,
  printPortal,
  readLibraryAccess,
  remedyOfLibrary,
  type TapeLibraryAccess,
} from '@nb/media-tape'
import { describeSurvey } from './report.ts'
import { survey, type Survey } from './survey.ts'

const help = `Lists what is in a tape library: the volumes in their places, the drives and their state. Moves and changes nothing.

Usage: tape-inventory iscsi://HOST[:PORT][/TARGET[/LUN]] [--json]
       tape-inventory /dev/sgN[,/dev/sgN…] [--json]

  TARGET             its iqn, eui or naa name (default: all that the portal tells of)
  LUN                this logical unit alone (default: all)
  /dev/sgN           devices of this host; with a robot alone also all tape drives of the host
  --json             everything as JSON
  --chap FILE        name and secret for CHAP: lines such as "user = me" and "secret = …", and for a target that has to prove
                     itself "target-user = …" and "target-secret = …"; only its owner may be able to use it (default: the variables
                     NB_ISCSI_USER, NB_ISCSI_SECRET, NB_ISCSI_TARGET_USER and NB_ISCSI_TARGET_SECRET)
  --initiator NAME   our own iqn (default: $NB_ISCSI_INITIATOR, else iqn.2026-11.example.nb: and the name of this host)
  --help             this text

Ends with 0 when all was told, 1 when something could not be asked (the rest is told), 2 for wrong usage.`

const clock = systemClock()
let initiatorName = ''

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  if (values.help === true) return void console.log(help)
  const [library, ...more] = positionals
  if (library === undefined || more.length > 0)
    throw new NbError('argument-invalid', 'name one library: iscsi://HOST[:PORT][/TARGET[/LUN]] or /dev/sgN')
  const { chap: chapFile, initiator } = values
  const access = readLibraryAccess({
    library,
    environment: process.env,
    ...(chapFile === undefined ? {} : { chapFile }),
    ...(initiator === undefined ? {} : { initiatorName: initiator }),
  })
  initiatorName = access.initiatorName
  const surveys: Survey[] = []
  for (const one of await librariesOf(access)) surveys.push(await surveyLibrary({ ...access, library: one }))
  if (values.json === true) console.log(JSON.stringify(surveys.map(asJson), null, 2))
  else if (surveys.length === 0) console.log(`${library} has no target for ${initiatorName}`)
  else console.log(surveys.map(describeSurvey).join('\n\n'))
  for (const failure of surveys.flatMap(({ failures }) => failures)) {
    process.exitCode = 1
    console.error(`tape-inventory: ${complaintOf(failure)}`)
  }
}

/** All that is to be surveyed: of a portal each of its targets. */
async function librariesOf({ library, ...how }: TapeLibraryAccess): Promise<readonly string[]> {
  if (!library.startsWith('iscsi://')) return [library]
  const { portal, target } = parseIscsiUrl(library)
  if (target !== undefined) return [library]
  const found = await discoverTargets({ clock }, { ...how, portal })
  // A target that is reached at several portals is asked at the one that was named, where that is among them.
  return found.map(({ target, portals }) => {
    const named = portals.find(({ host, port }) => host === portal.host && port === portal.port)
    return `iscsi://${printPortal(named ?? portals[0] ?? portal)}/${target}`
  })
}

/** What a library has; one that does not let us in has a failure, and the others are asked all the same. */
async function surveyLibrary(access: TapeLibraryAccess): Promise<Survey> {
  const { library: name } = access
  try {
    const group = await openUnits({ clock }, access)
    try {
      return await survey(group, clock)
    } finally {
      await group.close()
    }
  } catch (error) {
    if (error instanceof NbError && error.code === 'argument-invalid') throw error
    return { name, units: [], libraries: [], drives: [], failures: [asNbError(error)] }
  }
}

function asJson({ failures, ...rest }: Survey) {
  return {
    ...rest,
    failures: failures.map(({ code, status, message, details }) => ({ code, status, message, details })),
  }
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      chap: { type: 'string' },
      initiator: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

/** What went wrong and what to do about it, in two lines. */
function complaintOf(error: unknown): string {
  const known = asNbError(error)
  if (!(error instanceof NbError)) return known.message
  return `${known.message} (${known.code}, ${describeStatus(known.status)})\n  ${remedyOfLibrary(known, { initiatorName })}`
}

// A reader that has had enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main()
} catch (error) {
  const { code = '', message } = error as NodeJS.ErrnoException
  const isUsage = code === 'argument-invalid' || code.startsWith('ERR_PARSE_ARGS')
  console.error(`tape-inventory: ${isUsage ? `${message}\nTry: tape-inventory --help` : complaintOf(error)}`)
  process.exitCode = isUsage ? 2 : 1
}

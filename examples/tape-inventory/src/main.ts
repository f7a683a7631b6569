import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { asNbError, NbError, systemClock } from '@nb/contracts'
import {
  createIscsiSession,
  discoverTargets,
  type IscsiChap,
  type IscsiPortal,
  type IscsiUrl,
  parseIscsiUrl,
} from '@nb/media-tape'
import { complaintOf } from './complaint.ts'
import { CredentialsError, readCredentials } from './credentials.ts'
import { describeSurvey } from './report.ts'
import { survey, type Survey } from './survey.ts'

const help = `Lists what is in a tape library: the volumes in their places, the drives and their state. Moves and changes nothing.

Usage: tape-inventory iscsi://HOST[:PORT][/TARGET[/LUN]] [--json]

  TARGET             its iqn, eui or naa name (default: all that the portal tells of)
  LUN                this logical unit alone (default: all)
  --json             everything as JSON
  --chap FILE        name and secret for CHAP: lines such as "user = me" and "secret = …", and for a target that has to prove
                     itself "target-user = …" and "target-secret = …"; only its owner may be able to read it
  --initiator NAME   our own iqn (default: $NB_ISCSI_INITIATOR, else iqn.2026-11.example.nb: and the name of this host)
  --help             this text

Without --chap, name and secret come from NB_ISCSI_USER, NB_ISCSI_SECRET, NB_ISCSI_TARGET_USER and NB_ISCSI_TARGET_SECRET, else from
the URL (iscsi://USER%SECRET@HOST…), which others on this host can see.

Ends with 0 when all was told, 1 when something could not be asked (the rest is told), 2 for wrong usage.`

class Usage extends Error {}

const clock = systemClock()
let initiatorName = ''

async function main(): Promise<void> {
  const { values, positionals } = readArguments()
  if (values.help === true) return void console.log(help)
  const [text, ...more] = positionals
  if (text === undefined || more.length > 0)
    throw new Usage('name one library: iscsi://HOST[:PORT][/TARGET[/LUN]]')
  initiatorName = values.initiator ?? process.env['NB_ISCSI_INITIATOR'] ?? defaultInitiator()
  const url = parseIscsiUrl(text)
  const chap = readCredentials(values.chap, process.env, url)
  const surveys: Survey[] = []
  for (const { target, portal } of await targetsOf(url, chap))
    surveys.push(await surveyTarget(target, portal, url.lun, chap))
  if (values.json === true) console.log(JSON.stringify(surveys.map(asJson), null, 2))
  else if (surveys.length === 0) console.log(`${printPortal(url.portal)} has no target for ${initiatorName}`)
  else console.log(surveys.map(describeSurvey).join('\n\n'))
  for (const { failures } of surveys) {
    if (failures.length > 0) process.exitCode = 1
    for (const failure of failures) console.error(`tape-inventory: ${complaintOf(failure, initiatorName)}`)
  }
}

interface Where {
  readonly target: string
  readonly portal: IscsiPortal
}

async function targetsOf(
  { portal, target }: IscsiUrl,
  chap: IscsiChap | undefined,
): Promise<readonly Where[]> {
  if (target !== undefined) return [{ target, portal }]
  const found = await discoverTargets(
    { clock },
    { portal, initiatorName, ...(chap === undefined ? {} : { chap }) },
  )
  // A target that is reached at several portals is asked at the one that was named, where that is among them.
  return found.map(({ target, portals }) => ({
    target,
    portal:
      portals.find(({ host, port }) => host === portal.host && port === portal.port) ?? portals[0] ?? portal,
  }))
}

/** What a target has; one that does not let us in has a failure, and the others are asked all the same. */
async function surveyTarget(
  target: string,
  portal: IscsiPortal,
  lun: number | undefined,
  chap: IscsiChap | undefined,
): Promise<Survey> {
  const of = { target, portal: printPortal(portal) }
  const session = createIscsiSession(
    { clock },
    { portal, target, initiatorName, ...(chap === undefined ? {} : { chap }) },
  )
  try {
    return { ...of, ...(await survey(session, clock, lun)) }
  } catch (error) {
    return { ...of, units: [], libraries: [], drives: [], failures: [asNbError(error)] }
  } finally {
    await session.close()
  }
}

function asJson({ failures, ...rest }: Survey) {
  return {
    ...rest,
    failures: failures.map(({ code, status, message, details }) => ({ code, status, message, details })),
  }
}

const printPortal = ({ host, port }: IscsiPortal): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

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
        json: { type: 'boolean' },
        chap: { type: 'string' },
        initiator: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new Usage((error as Error).message)
  }
}

// A reader that has had enough, such as head, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await main()
} catch (error) {
  const isUsage =
    error instanceof Usage ||
    error instanceof CredentialsError ||
    (error instanceof NbError && error.code === 'argument-invalid')
  if (isUsage) console.error(`tape-inventory: ${error.message}\nTry: tape-inventory --help`)
  else console.error(`tape-inventory: ${complaintOf(error, initiatorName)}`)
  process.exitCode = isUsage ? 2 : 1
}

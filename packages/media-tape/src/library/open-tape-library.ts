import { type CallOptions, type Clock, counted, type Logger, NbError } from '@nb/contracts'
import { discoverTargets } from '../iscsi/discovery.ts'
import { parseIscsiUrl } from '../iscsi/iscsi-url.ts'
import type { IscsiChap, IscsiSessionOptions } from '../iscsi/options.ts'
import { printPortal } from '../iscsi/portal.ts'
import { createIscsiSession, type IscsiSession } from '../iscsi/session.ts'
import { createScsiTapeRobot, type ScsiTapeRobot } from '../smc/scsi-tape-robot.ts'
import type { DriveQuirks } from '../ssc/drive-quirks.ts'
import type { ScsiTapeDrive } from '../ssc/scsi-drive-types.ts'
import { createScsiTapeDrive } from '../ssc/scsi-tape-drive.ts'
import { findUnits, type FoundUnit } from './find-units.ts'

/** What a library is opened with. */
export interface OpenTapeLibraryComponents {
  readonly clock: Clock
  /** @default `debugLogger('nb:media-tape:iscsi')` */
  readonly logger?: Logger
}

/** Which library, and how. */
export interface OpenTapeLibraryOptions extends Omit<
  IscsiSessionOptions,
  'portal' | 'target' | 'initiatorName'
> {
  /**
   * `iscsi://[USER%SECRET@]HOST[:PORT][/TARGET[/LUN]]`. Without a target the one that the portal offers; the logical unit is the robot's,
   * where there are several.
   */
  readonly url: string
  /** Our own name, an iqn, eui or naa name. */
  readonly initiatorName: string
  /** In what its drives differ from the standard, beyond what their vendor and product are known for. */
  readonly quirks?: DriveQuirks
  /** What people call the robot. @default 'robot1' */
  readonly robotName?: string
  /** What people call its drives: this and their number, from 1, by logical unit. @default 'drive' */
  readonly drivePrefix?: string
}

/** A drive of an open library. */
export interface OpenDrive {
  readonly name: string
  readonly unit: FoundUnit
  readonly drive: ScsiTapeDrive
}

/** A tape library that can be used. */
export interface OpenTapeLibrary {
  /** `iscsi://host:port/target` */
  readonly name: string
  readonly units: readonly FoundUnit[]
  readonly robot: { readonly name: string; readonly unit: FoundUnit; readonly robot: ScsiTapeRobot }
  /** At least one. */
  readonly drives: readonly OpenDrive[]
  /** Logs out. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens a tape library over iSCSI: finds its target, its robot and its drives. Nothing moves. Rejects with `argument-invalid` (a bad URL, or
 * one that leaves open which target or robot), `not-found` (there is no robot, or no drive), and as `ScsiTransport.open` does.
 */
export async function openTapeLibrary(
  components: OpenTapeLibraryComponents,
  options: OpenTapeLibraryOptions,
  callOptions?: CallOptions,
): Promise<OpenTapeLibrary> {
  const { url, quirks, robotName = 'robot1', drivePrefix = 'drive', ...wanted } = options
  const { portal, target, lun, chap: named } = parseIscsiUrl(url)
  const chap: IscsiChap | undefined = named === undefined ? wanted.chap : { ...wanted.chap, ...named }
  const sessionOptions = { ...wanted, portal, ...(chap === undefined ? {} : { chap }) }
  const session = createIscsiSession(components, {
    ...sessionOptions,
    target: target ?? (await onlyTarget(components, sessionOptions, callOptions)),
  })
  try {
    return await open(components.clock, session, { lun, quirks, robotName, drivePrefix }, callOptions)
  } catch (error) {
    await session.close()
    throw error
  }
}

async function open(
  clock: Clock,
  session: IscsiSession,
  how: {
    readonly lun: number | undefined
    readonly quirks: DriveQuirks | undefined
    readonly robotName: string
    readonly drivePrefix: string
  },
  callOptions?: CallOptions,
): Promise<OpenTapeLibrary> {
  const unitOf = (lun: number): ReturnType<IscsiSession['unit']> => session.unit(lun)
  const units = await findUnits({ unitOf, clock }, callOptions)
  const changer = chooseRobot(session.name, units, how.lun)
  const drives = units
    .filter(({ kind }) => kind === 'drive')
    .map((unit, index) => {
      const name = `${how.drivePrefix}${index + 1}`
      const options = { name, ...(how.quirks === undefined ? {} : { quirks: how.quirks }) }
      return { name, unit, drive: createScsiTapeDrive({ transport: unitOf(unit.lun), clock }, options) }
    })
  if (drives.length === 0)
    throw new NbError(
      'not-found',
      `${session.name} has no tape drive among ${counted(units.length, 'unit')}.`,
    )
  const named = drives.map(({ name, unit }) => ({ name, serial: unit.serial ?? '' }))
  const robot = createScsiTapeRobot(
    { transport: unitOf(changer.lun), clock },
    { name: how.robotName, drives: named },
  )
  return {
    name: session.name,
    units,
    robot: { name: how.robotName, unit: changer, robot },
    drives,
    close: () => session.close(),
  }
}

/** The robot that is meant. */
function chooseRobot(name: string, units: readonly FoundUnit[], lun: number | undefined): FoundUnit {
  const robots = units.filter(({ kind }) => kind === 'robot')
  const [first] = lun === undefined ? robots : robots.filter((unit) => unit.lun === lun)
  if (first === undefined)
    throw new NbError(
      'not-found',
      lun === undefined
        ? `${name} has no robot among ${counted(units.length, 'unit')}.`
        : `Logical unit ${lun} of ${name} is no robot.`,
    )
  if (lun === undefined && robots.length > 1)
    throw new NbError(
      'argument-invalid',
      `${name} has robots at logical units ${robots.map((unit) => unit.lun).join(', ')}: end the URL with the one that is meant.`,
      { details: { field: 'url' } },
    )
  return first
}

async function onlyTarget(
  components: OpenTapeLibraryComponents,
  options: Omit<IscsiSessionOptions, 'target'>,
  callOptions?: CallOptions,
): Promise<string> {
  const { portal, initiatorName, chap, connectTimeoutMs, loginTimeoutMs } = options
  const found = await discoverTargets(
    components,
    {
      portal,
      initiatorName,
      ...(chap === undefined ? {} : { chap }),
      ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
      ...(loginTimeoutMs === undefined ? {} : { loginTimeoutMs }),
    },
    callOptions,
  )
  const [only] = found
  const where = typeof portal === 'string' ? portal : printPortal(portal)
  if (only === undefined) throw new NbError('not-found', `Portal ${where} offers no target.`)
  if (found.length > 1)
    throw new NbError(
      'argument-invalid',
      `Portal ${where} offers ${found.map(({ target }) => target).join(', ')}: name one in the URL.`,
      { details: { field: 'url' } },
    )
  return only.target
}

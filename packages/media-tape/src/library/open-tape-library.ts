import { type CallOptions, type Clock, counted, NbError } from '@nb/contracts'
import { createScsiTapeRobot, type ScsiTapeRobot } from '../smc/scsi-tape-robot.ts'
import type { DriveQuirks } from '../ssc/drive-quirks.ts'
import type { ScsiTapeDrive } from '../ssc/scsi-drive-types.ts'
import { createScsiTapeDrive } from '../ssc/scsi-tape-drive.ts'
import { openUnits, type OpenUnitsComponents, type OpenUnitsOptions } from './open-units.ts'
import type { ReachedUnit, UnitGroup } from './unit-group.ts'

/** How the parts of a library are called and treated. */
export interface TapeLibraryParts {
  /** In what its drives differ from the standard, beyond what their vendor and product are known for. */
  readonly quirks?: DriveQuirks
  /** What people call the robot. @default 'robot1' */
  readonly robotName?: string
  /**
   * What people call its drives: this and their number, from 1, by logical unit; of devices of this host in the order in which they are
   * named, else in that of the robot's drive elements. @default 'drive'
   */
  readonly drivePrefix?: string
}

/**
 * Which library, and how. `library` is `iscsi://[USER%SECRET@]HOST[:PORT][/TARGET[/LUN]]`: without a target the one that the portal
 * offers; the logical unit is the robot's, where there are several. Or it is `/dev/sgN[,/dev/sgM…]`, the robot and its drives; without
 * drives those of this host that the robot says are in it.
 */
export interface OpenTapeLibraryOptions extends OpenUnitsOptions, TapeLibraryParts {}

/** A drive of an open library. */
export interface OpenDrive {
  readonly name: string
  readonly unit: ReachedUnit
  readonly drive: ScsiTapeDrive
}

/** A tape library that can be used. */
export interface OpenTapeLibrary {
  /** `iscsi://host:port/target`, or the robot's device node. */
  readonly name: string
  readonly units: readonly ReachedUnit[]
  readonly robot: { readonly name: string; readonly unit: ReachedUnit; readonly robot: ScsiTapeRobot }
  /** At least one. */
  readonly drives: readonly OpenDrive[]
  /** Lets go of it: logs out, closes its devices. Idempotent. */
  close(): Promise<void>
}

/**
 * Opens a tape library over iSCSI, or of this host's devices: finds its robot and its drives. Nothing moves. Rejects with `argument-invalid` (a
 * bad name, one that leaves open which target or robot, or that names something else), `not-found` (there is no robot, or no drive), and as
 * `ScsiTransport.open` does.
 */
export async function openTapeLibrary(
  components: OpenUnitsComponents,
  options: OpenTapeLibraryOptions,
  callOptions?: CallOptions,
): Promise<OpenTapeLibrary> {
  const { quirks, robotName, drivePrefix, ...way } = options
  const group = await openUnits(components, way, callOptions)
  try {
    return await assembleTapeLibrary(
      { clock: components.clock },
      {
        group,
        ...(quirks === undefined ? {} : { quirks }),
        ...(robotName === undefined ? {} : { robotName }),
        ...(drivePrefix === undefined ? {} : { drivePrefix }),
      },
      callOptions,
    )
  } catch (error) {
    await group.close()
    throw error
  }
}

/**
 * Makes a library of units that are reached already; `close` of it is that of the group. Rejects as {@link openTapeLibrary} does, and leaves the
 * group open then.
 */
export async function assembleTapeLibrary(
  { clock }: { readonly clock: Clock },
  options: TapeLibraryParts & { readonly group: UnitGroup },
  callOptions?: CallOptions,
): Promise<OpenTapeLibrary> {
  const { group, quirks, robotName = 'robot1', drivePrefix = 'drive' } = options
  const changer = chooseRobot(group)
  const tapes = group.units.filter(({ kind }) => kind === 'drive')
  const ours = group.searched === true ? await drivesIn(changer, tapes, clock, callOptions) : tapes
  if (ours.length === 0) throw noDrive(group, tapes.length)
  const drives = ours.map((unit, index): OpenDrive => {
    const name = `${drivePrefix}${index + 1}`
    const how = { name, ...(quirks === undefined ? {} : { quirks }) }
    return { name, unit, drive: createScsiTapeDrive({ transport: unit.transport, clock }, how) }
  })
  const robot = createScsiTapeRobot(
    { transport: changer.transport, clock },
    { name: robotName, drives: drives.map(({ name, unit }) => ({ name, serial: unit.serial ?? '' })) },
  )
  return {
    name: group.name,
    units: group.units,
    robot: { name: robotName, unit: changer, robot },
    drives,
    close: () => group.close(),
  }
}

/** The robot that is meant. */
function chooseRobot({ name, units, named }: UnitGroup): ReachedUnit {
  const robots = units.filter(({ kind }) => kind === 'robot')
  const [first] = named === undefined ? robots : [named]
  if (first === undefined)
    throw new NbError('not-found', `${name} has no robot among ${counted(units.length, 'unit')}.`)
  if (first.kind !== 'robot')
    throw new NbError(
      'argument-invalid',
      `${describeUnit(first)} is no robot${robots.length === 0 ? '' : `; ${robots.map((unit) => unit.name).join(', ')} is`}: a library is named by its robot.`,
      { details: { field: 'library', unit: first.name, kind: first.kind } },
    )
  if (named === undefined && robots.length > 1)
    throw new NbError(
      'argument-invalid',
      `${name} has robots at logical units ${robots.map((unit) => unit.lun).join(', ')}: end the URL with the one that is meant.`,
      { details: { field: 'library' } },
    )
  return first
}

/** What a unit is, for people: `LUN 4 (disk, IET VIRTUAL-DISK)`. */
export function describeUnit({ name, kind, vendor, product }: ReachedUnit): string {
  return `${name} (${kind === 'drive' ? 'tape drive' : kind}, ${vendor} ${product})`
}

/** Those of the drives that the robot says are in it, in the order of its drive elements. */
async function drivesIn(
  { transport }: ReachedUnit,
  tapes: readonly ReachedUnit[],
  clock: Clock,
  options?: CallOptions,
): Promise<readonly ReachedUnit[]> {
  const drives = tapes.map(({ name, serial = '' }) => ({ name, serial }))
  const places = await createScsiTapeRobot({ transport, clock }, { drives }).inventory(options)
  return places.flatMap(({ drive }) => tapes.filter(({ name }) => name === drive))
}

function noDrive({ name, units, searched, leftOut = [] }: UnitGroup, tapes: number): NbError {
  const reasons = leftOut.map(({ message }) => message)
  const why =
    searched === true
      ? `None of ${counted(tapes, 'tape drive')} of this host is in ${name}, as far as that tells${reasons.length === 0 ? '' : `; left out: ${reasons.join('; ')}`}. Name its drives as well: ${name},/dev/sgN`
      : `${name} has no tape drive among ${counted(units.length, 'unit')}.`
  return new NbError('not-found', why)
}

import {
  asNbError,
  type CallOptions,
  type Clock,
  type DriveStatus,
  type LibraryElement,
  NbError,
} from '@nb/contracts'
import {
  createScsiTapeDrive,
  createScsiTapeRobot,
  type DensityDescriptor,
  type ReachedUnit,
  type RobotIdentity,
  type ScsiTapeDrive,
  type UnitGroup,
  type UnitIdentity,
} from '@nb/media-tape'

/** A unit, and what it is called: `LUN 3`, `/dev/sg3`. */
export interface SurveyedUnit extends UnitIdentity {
  readonly name: string
  /** Its logical unit at the target; absent for devices of this host. */
  readonly lun?: number
}

/** A drive, and what it tells. */
export interface SurveyedDrive extends SurveyedUnit {
  /** `present`: a volume that is not ready. Absent, as all below, where the drive did not answer. */
  readonly state?: 'empty' | 'present' | 'ready'
  readonly writeProtected?: boolean
  /** Barcode: what the library sees in the drive, else what the volume's own memory says. */
  readonly volume?: string
  /** The recording format of the volume, of the drive where there is none. */
  readonly density?: { readonly code: number; readonly name?: string }
  /** Where it is, as far as a library among the units tells: the robot's name, and the number of the place. */
  readonly place?: { readonly robot: string; readonly drive: number }
}

/** A library: the robot, and all its places. */
export interface SurveyedLibrary {
  /** The robot's unit. */
  readonly name: string
  readonly robot: RobotIdentity
  readonly places: readonly LibraryElement[]
}

/** What a target has, or this host. What could not be asked is among the failures, and the rest is there all the same. */
export interface Survey {
  /** `iscsi://host:port/target`, or the device that was named. */
  readonly name: string
  readonly units: readonly SurveyedUnit[]
  readonly libraries: readonly SurveyedLibrary[]
  readonly drives: readonly SurveyedDrive[]
  readonly failures: readonly NbError[]
}

/**
 * Asks units what they have; of a target of which one is named that one alone. Nothing is moved, loaded or changed, and nobody who works with
 * them is disturbed.
 */
export async function survey(group: UnitGroup, clock: Clock, options?: CallOptions): Promise<Survey> {
  const failures: NbError[] = [...(group.leftOut ?? [])]
  const attempt = async <Result>(ask: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await ask()
    } catch (error) {
      options?.signal?.throwIfAborted()
      failures.push(asNbError(error))
      return undefined
    }
  }
  const alone = group.named?.lun !== undefined
  const units = alone ? group.units.filter((unit) => unit === group.named) : group.units
  const drives: SurveyedDrive[] = []
  for (const unit of units.filter(({ kind }) => kind === 'drive')) {
    const drive = createScsiTapeDrive({ transport: unit.transport, clock })
    const told = await attempt(() => askDrive(drive, options))
    drives.push({ ...plain(unit), ...told })
  }
  const libraries: SurveyedLibrary[] = []
  for (const { name, transport } of units.filter(({ kind }) => kind === 'robot')) {
    const known = drives.map(({ name, serial = '' }) => ({ name, serial }))
    const robot = createScsiTapeRobot({ transport, clock }, { drives: known })
    const told = await attempt(async () => ({
      robot: await robot.identity(options),
      places: await robot.inventory(options),
    }))
    if (told !== undefined) libraries.push({ name, ...told })
  }
  const { name } = group
  return {
    name,
    units: units.map(plain),
    libraries,
    drives: drives.map((drive) => placed(drive, libraries)),
    failures,
  }
}

/** Without the way to it, for telling. */
const plain = ({ transport: _, ...unit }: ReachedUnit): SurveyedUnit => unit

async function askDrive(drive: ScsiTapeDrive, options?: CallOptions): Promise<Partial<SurveyedDrive>> {
  const status = await drive.status(options)
  const state = stateOf(status)
  const settings = await unlessUnsupported(drive.settings(options))
  const densities = await unlessUnsupported(drive.densities({ media: state === 'ready' }, options))
  const density = densityOf(settings?.density ?? 0, densities ?? [])
  return {
    state,
    ...(state === 'ready' && settings !== undefined ? { writeProtected: settings.writeProtected } : {}),
    ...(status.barcode === undefined ? {} : { volume: status.barcode }),
    ...(density === undefined ? {} : { density }),
  }
}

/** We have loaded nothing, so the port says `present` of every volume; only of one that is ready it tells whether it can be written. */
function stateOf({ state, writeProtected }: DriveStatus): 'empty' | 'present' | 'ready' {
  if (state === 'empty') return 'empty'
  return state === 'loaded' || writeProtected !== undefined ? 'ready' : 'present'
}

async function unlessUnsupported<Result>(asked: Promise<Result>): Promise<Result | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof NbError && error.code === 'not-supported') return undefined
    throw error
  }
}

/** The density with the name that the drive has for it; its default one where it tells no code. */
function densityOf(code: number, known: readonly DensityDescriptor[]): SurveyedDrive['density'] {
  const found = known.find(({ primary, isDefault }) => (code === 0 ? isDefault : primary === code))
  if (code === 0 && found === undefined) return undefined
  const name = found === undefined || found.name === '' ? {} : { name: found.name }
  return { code: code === 0 ? (found?.primary ?? 0) : code, ...name }
}

/** The drive with what a library says of it. */
function placed(drive: SurveyedDrive, libraries: readonly SurveyedLibrary[]): SurveyedDrive {
  for (const { name, places } of libraries) {
    const found = places.find((element) => element.drive === drive.name)
    if (found === undefined) continue
    const place = { robot: name, drive: found.place.number }
    return { ...drive, place, ...(found.barcode === undefined ? {} : { volume: found.barcode }) }
  }
  return drive
}

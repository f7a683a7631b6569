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
  findUnits,
  type FoundUnit,
  type IscsiSession,
  type RobotIdentity,
  type ScsiTapeDrive,
} from '@nb/media-tape'

/** A drive, and what it tells. */
export interface SurveyedDrive {
  readonly lun: number
  readonly vendor: string
  readonly product: string
  readonly revision: string
  readonly serial?: string
  /** `present`: a volume that is not ready. Absent, as all below, where the drive did not answer. */
  readonly state?: 'empty' | 'present' | 'ready'
  readonly writeProtected?: boolean
  /** Barcode: what the library sees in the drive, else what the volume's own memory says. */
  readonly volume?: string
  /** The recording format of the volume, of the drive where there is none. */
  readonly density?: { readonly code: number; readonly name?: string }
  /** Where it is, as far as a library of the same target tells. */
  readonly place?: { readonly changer: number; readonly drive: number }
}

/** A library: the robot, and all its places. */
export interface SurveyedLibrary {
  readonly lun: number
  readonly robot: RobotIdentity
  readonly places: readonly LibraryElement[]
}

/** What a target has. What could not be asked is among the failures, and the rest is there all the same. */
export interface Survey {
  readonly target: string
  readonly portal: string
  readonly units: readonly FoundUnit[]
  readonly libraries: readonly SurveyedLibrary[]
  readonly drives: readonly SurveyedDrive[]
  readonly failures: readonly NbError[]
}

/**
 * Asks a target what it has: nothing is moved, loaded or changed, and nobody who works with it is disturbed.
 * Rejects where its units can't be found at all.
 *
 * @param only - the one unit to ask, and no other
 */
export async function survey(
  session: Pick<IscsiSession, 'unit'>,
  clock: Clock,
  only: number | undefined,
  options?: CallOptions,
): Promise<Omit<Survey, 'target' | 'portal'>> {
  const failures: NbError[] = []
  const attempt = async <Result>(ask: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await ask()
    } catch (error) {
      options?.signal?.throwIfAborted()
      failures.push(asNbError(error))
      return undefined
    }
  }
  const components = (lun: number) => ({ transport: session.unit(lun), clock })
  const found = await findUnits({ unitOf: (lun) => session.unit(lun), clock }, options)
  const units = only === undefined ? found : found.filter(({ lun }) => lun === only)
  if (only !== undefined && units.length === 0)
    throw new NbError('not-found', `there is no logical unit ${only}`, { details: { lun: only } })
  const drives: SurveyedDrive[] = []
  for (const unit of units.filter(({ kind }) => kind === 'drive')) {
    const drive = createScsiTapeDrive(components(unit.lun))
    const told = await attempt(() => askDrive(drive, options))
    drives.push({ ...driveOf(unit), ...told })
  }
  const libraries: SurveyedLibrary[] = []
  for (const unit of units.filter(({ kind }) => kind === 'robot')) {
    const known = drives.flatMap(({ lun, serial }) =>
      serial === undefined ? [] : [{ name: String(lun), serial }],
    )
    const robot = createScsiTapeRobot(components(unit.lun), { drives: known })
    const told = await attempt(async () => ({
      robot: await robot.identity(options),
      places: await robot.inventory(options),
    }))
    if (told !== undefined) libraries.push({ lun: unit.lun, ...told })
  }
  return { units, libraries, drives: drives.map((drive) => placed(drive, libraries)), failures }
}

function driveOf({ lun, vendor, product, revision, serial }: FoundUnit): SurveyedDrive {
  return { lun, vendor, product, revision, ...(serial === undefined ? {} : { serial }) }
}

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
  for (const { lun, places } of libraries) {
    const found = places.find((element) => element.drive === String(drive.lun))
    if (found === undefined) continue
    const place = { changer: lun, drive: found.place.number }
    return { ...drive, place, ...(found.barcode === undefined ? {} : { volume: found.barcode }) }
  }
  return drive
}

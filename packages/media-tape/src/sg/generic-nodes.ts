import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { NbError } from '@nb/contracts'

/** The generic node of a unit. */
export interface GenericNode {
  /** `/dev/sgN` */
  readonly path: string
}

/** Where the system keeps its device nodes, and tells of them. */
export interface HostPlaces {
  /** @default '/dev' */
  readonly devices?: string
  /** @default '/sys' */
  readonly system?: string
}

/** Classes of the system whose names are nodes of a unit that has a generic node as well. */
const classes: readonly { readonly name: RegExp; readonly of: string }[] = [
  { name: /^n?st\d+[alm]?$/, of: 'scsi_tape' },
  { name: /^sch\d+$/, of: 'scsi_changer' },
  // A node of bsg takes another header than those of sg; it's named by host, channel, target and unit.
  { name: /^\d+:\d+:\d+:\d+$/, of: 'bsg' },
]
/** Device type of a tape drive, as /sys tells it (SPC-5). */
const tapeType = '1'

/**
 * The generic node of the unit that a path means: `/dev/sgN` itself, `/dev/nstN` and `/dev/stN`, `/dev/schN`, `/dev/bsg/H:C:T:L`, and what links to
 * one of them, such as `/dev/tape/by-id/…`. Any other path is given back as it is: opening it tells what it is.
 *
 * Rejects with `not-found` where there is nothing, or the kernel has no generic node for it, and `scsi-access-denied` where we may not look.
 */
export async function genericNodeOf(
  path: string,
  { devices = '/dev', system = '/sys' }: HostPlaces = {},
): Promise<GenericNode> {
  const node = await followed(path)
  const name = basename(node)
  const { of } = classes.find((one) => one.name.test(name)) ?? {}
  if (of === undefined) return { path: node }
  const [generic] = await namesIn(join(system, 'class', of, name, 'device', 'scsi_generic'))
  if (generic === undefined)
    throw new NbError(
      'not-found',
      `the kernel has no generic node for ${path}: load its driver sg (modprobe sg)`,
      { details: { path } },
    )
  return { path: join(devices, generic) }
}

/** The generic nodes of all tape drives that the system has, by number. */
export async function tapeNodes({ devices = '/dev', system = '/sys' }: HostPlaces = {}): Promise<
  readonly GenericNode[]
> {
  const all = join(system, 'class', 'scsi_generic')
  const found: GenericNode[] = []
  for (const name of (await namesIn(all)).toSorted((a, b) => numberOf(a) - numberOf(b)))
    if ((await typeOf(join(all, name, 'device', 'type'))) === tapeType)
      found.push({ path: join(devices, name) })
  return found
}

const numberOf = (name: string): number => Number(/\d+$/.exec(name)?.[0] ?? 0)

async function followed(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const { code: systemCode = '' } = error as NodeJS.ErrnoException
    const denied = systemCode === 'EACCES' || systemCode === 'EPERM'
    throw new NbError(
      denied ? 'scsi-access-denied' : 'not-found',
      `${path}: ${denied ? 'the system does not let this user look there' : 'there is no such device'} (${systemCode})`,
      { details: { sent: false, systemCode } },
    )
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

/** Type of a unit; `undefined` where it has gone meanwhile. */
async function typeOf(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'latin1')).trim()
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENODEV' || code === 'ENOTDIR'
}

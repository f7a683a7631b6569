import { type Clock, type Files, NbError, replaceFile } from '@nb/contracts'
import { mediaFailure } from './failure.ts'

/** The file that makes a directory a storage unit's own. */
export const MARKER_NAME = '.nb-disk.json'

const FORMAT = 'nb-disk-unit/1'

/** What every file system may put into an empty directory. */
const notContent = new Set(['lost+found'])

/** A storage unit's directory. */
export interface UnitDirectory {
  readonly files: Files
  readonly storageUnit: string
  readonly directory: string
}

/**
 * Checks that the directory is there and carries this storage unit's marker. Rejects with `media-open-failed` when
 * it is another's or when there is no marker: then the disk is most likely not mounted, and what would be
 * written would lie under its mount point.
 */
export async function checkMarker(unit: UnitDirectory): Promise<void> {
  if ((await readMarker(unit)) === 'absent')
    throw openFailure(
      unit,
      `has no ${MARKER_NAME}: the disk is not mounted there, or it never was this storage unit`,
    )
}

/**
 * Makes an empty or absent directory this storage unit's own, once; after that it is {@link checkMarker}.
 * A directory that holds anything else is refused.
 *
 * @param before - is waited for once it is certain that the directory can be claimed; if it rejects, nothing is written
 */
export async function claimDirectory(
  unit: UnitDirectory,
  clock: Clock,
  before: () => Promise<unknown> = async () => undefined,
): Promise<'claimed' | 'known'> {
  if ((await readMarker(unit)) === 'present') return 'known'
  const { files, directory } = unit
  const content = (await files.list(directory)).filter((name) => !notContent.has(name))
  // A marker that was never renamed into place is ours to write again.
  if (content.some((name) => name !== `${MARKER_NAME}.tmp`))
    throw openFailure(unit, `has no ${MARKER_NAME} but other content (${content.slice(0, 3).join(', ')})`)
  await before()
  const marker = {
    format: FORMAT,
    storageUnit: unit.storageUnit,
    created: new Date(clock.now()).toISOString(),
  }
  try {
    await makeDurably(files, directory)
    await replaceFile(
      files,
      `${directory}/${MARKER_NAME}`,
      Buffer.from(`${JSON.stringify(marker, null, 2)}\n`),
    )
  } catch (error) {
    throw mediaFailure(error, 'media-open-failed', 'preparing', { ...unit, path: directory })
  }
  return 'claimed'
}

/** Makes a directory; the names of all that had to be made for it are durable. */
async function makeDurably(files: Files, directory: string): Promise<void> {
  const parents: string[] = []
  for (let path = directory; path !== '/' && (await files.stat(path)) === undefined;) {
    path = path.slice(0, path.lastIndexOf('/')) || '/'
    parents.push(path)
  }
  await files.makeDirectory(directory)
  for (const path of parents) await files.syncDirectory(path)
}

async function readMarker(unit: UnitDirectory): Promise<'present' | 'absent'> {
  const path = `${unit.directory}/${MARKER_NAME}`
  let content: Buffer | undefined
  try {
    const stat = await unit.files.stat(unit.directory)
    if (stat === undefined) return 'absent'
    if (stat.kind !== 'directory') throw openFailure(unit, 'is not a directory')
    content = await unit.files.readFile(path)
  } catch (error) {
    throw mediaFailure(error, 'media-open-failed', 'reading', { ...unit, path })
  }
  if (content === undefined) return 'absent'
  const owner = ownerOf(content)
  if (owner === undefined) throw openFailure(unit, `has a ${MARKER_NAME} that this version cannot read`)
  if (owner !== unit.storageUnit) throw openFailure(unit, `belongs to storage unit ${owner}`)
  return 'present'
}

function ownerOf(content: Buffer): string | undefined {
  try {
    const marker = JSON.parse(content.toString('utf8')) as { format?: unknown; storageUnit?: unknown } | null
    return marker?.format === FORMAT && typeof marker.storageUnit === 'string'
      ? marker.storageUnit
      : undefined
  } catch {
    return undefined
  }
}

function openFailure(unit: UnitDirectory, what: string): NbError {
  return new NbError(
    'media-open-failed',
    `Storage unit ${unit.storageUnit} cannot be mounted: ${unit.directory} ${what}.`,
    { details: { storageUnit: unit.storageUnit, path: unit.directory } },
  )
}

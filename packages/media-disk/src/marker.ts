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
  /** The media server that it belongs to. @default any */
  readonly mediaServer?: string
}

/** What a marker says. */
export interface Marker {
  readonly format: string
  readonly storageUnit: string
  /** When it was made, ISO 8601. */
  readonly created?: string
  /** The media server that the directory belongs to. Markers of earlier versions name none. */
  readonly mediaServer?: string
}

/**
 * Checks that the directory is there and carries this storage unit's marker; gives it. Rejects with `media-open-failed` when
 * it is another's, or another media server's, or when there is no marker: then the disk is most likely not mounted, and what would be
 * written would lie under its mount point.
 */
export async function checkMarker(unit: UnitDirectory): Promise<Marker> {
  const marker = await readMarker(unit)
  if (marker === undefined)
    throw openFailure(
      unit,
      `has no ${MARKER_NAME}: the disk is not mounted there, or it never was this storage unit`,
    )
  return marker
}

/** Makes the storage unit's directory the media server's, durably, whoever's it was. To be called with the directory locked. */
export async function takeDirectory(unit: UnitDirectory): Promise<void> {
  const { mediaServer, ...anyServers } = unit
  const marker = await checkMarker(anyServers)
  if (mediaServer !== undefined && marker.mediaServer !== mediaServer)
    await writeMarker(unit, { ...marker, mediaServer })
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
  if ((await readMarker(unit)) !== undefined) return 'known'
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
    ...(unit.mediaServer === undefined ? {} : { mediaServer: unit.mediaServer }),
  }
  await makeDurably(files, directory).catch((error: unknown) => {
    throw mediaFailure(error, 'media-open-failed', 'preparing', { ...unit, path: directory })
  })
  await writeMarker(unit, marker)
  return 'claimed'
}

async function writeMarker(unit: UnitDirectory, marker: Marker): Promise<void> {
  const path = `${unit.directory}/${MARKER_NAME}`
  try {
    await replaceFile(unit.files, path, Buffer.from(`${JSON.stringify(marker, null, 2)}\n`))
  } catch (error) {
    throw mediaFailure(error, 'media-open-failed', 'writing', { ...unit, path })
  }
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

async function readMarker(unit: UnitDirectory): Promise<Marker | undefined> {
  const path = `${unit.directory}/${MARKER_NAME}`
  let content: Buffer | undefined
  try {
    const stat = await unit.files.stat(unit.directory)
    if (stat === undefined) return undefined
    if (stat.kind !== 'directory') throw openFailure(unit, 'is not a directory')
    content = await unit.files.readFile(path)
  } catch (error) {
    throw mediaFailure(error, 'media-open-failed', 'reading', { ...unit, path })
  }
  if (content === undefined) return undefined
  const marker = markerIn(content)
  if (marker === undefined) throw openFailure(unit, `has a ${MARKER_NAME} that this version cannot read`)
  if (marker.storageUnit !== unit.storageUnit)
    throw openFailure(unit, `belongs to storage unit ${marker.storageUnit}`)
  const owner = marker.mediaServer
  if (unit.mediaServer !== undefined && owner !== undefined && owner !== unit.mediaServer)
    throw openFailure(unit, `belongs to media server ${owner}, and this is ${unit.mediaServer}`, {
      owner,
      mediaServer: unit.mediaServer,
    })
  return marker
}

function markerIn(content: Buffer): Marker | undefined {
  try {
    const marker = JSON.parse(content.toString('utf8')) as Marker | null
    const { format, storageUnit, mediaServer = '' } = marker ?? {}
    const isOurs = format === FORMAT && typeof storageUnit === 'string' && typeof mediaServer === 'string'
    return isOurs ? (marker ?? undefined) : undefined
  } catch {
    return undefined
  }
}

function openFailure(
  unit: UnitDirectory,
  what: string,
  owners?: { readonly owner: string; readonly mediaServer: string },
): NbError {
  return new NbError(
    'media-open-failed',
    `Storage unit ${unit.storageUnit} cannot be mounted: ${unit.directory} ${what}.`,
    {
      details: { storageUnit: unit.storageUnit, path: unit.directory, ...owners },
      ...(owners === undefined ? {} : { retryable: false }),
    },
  )
}

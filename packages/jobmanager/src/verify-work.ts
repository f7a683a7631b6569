import {
  type CopyDamage,
  type ErrorCode,
  type FragmentRecord,
  type ImageCopy,
  type Json,
  NbError,
  type VerifyEvent,
  counted,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import { copyOfImage } from './copy-of-image.ts'
import { damageOfList } from './damaged-list.ts'
import { volumesOf } from './images-on-volumes.ts'
import { goneImages } from './reference-image.ts'
import { mediaServerOf } from './session-calls.ts'
import { needToRead } from './volume-runs.ts'
import { WorkMedia, type WorkMediaParts } from './work-media.ts'
import type { JobWorker, WorkContext, WorkResult } from './workers.ts'

type VerifyParts = Pick<ManagerParts, 'catalog' | 'mediaServers'> & WorkMediaParts

/** Damage beyond so many faults is counted and not listed. */
const LISTED_FAULTS = 100

/** Damage that is of the catalog, and of no copy. */
const LIST_DAMAGED: ErrorCode = 'file-list-corrupt'

/**
 * What carries out jobs of type `verify`, as `verifyJobRequest` asks for them: all of a copy is read at its media server, volume by volume, and
 * compared, and the images that it needs must be there (each has a verification of its own). Ends with 0, or with 191 when anything is not as
 * it was written, the image's file list in the catalog included; nothing is changed.
 */
export function verifyWorker(parts: VerifyParts): JobWorker {
  return {
    run: async (context) => {
      const media = new WorkMedia(parts, context)
      try {
        return await media.begunAnew(() => verify(parts, context, media))
      } finally {
        await media.end()
      }
    },
  }
}

async function verify(
  { catalog, mediaServers }: VerifyParts,
  { jobId, parameters, allocation, say, progress }: WorkContext,
  media: WorkMedia,
): Promise<WorkResult> {
  const { signal } = media
  const { image, copy } = await copyOfImage(catalog, ...asked(parameters), 'verified')
  if (allocation?.storageUnit !== copy.storageUnit)
    throw new NbError(
      'argument-invalid',
      `copy ${copy.copy} of image ${image.backupId} is on ${copy.storageUnit}: the job's need must be to read that`,
      { details: { field: 'need' } },
    )
  const { backupId, client } = image
  const { storageUnit, fragments } = copy
  const volumes = volumesOf(copy)
  const estimatedBytes = copy.fragments.reduce((sum, { streamBytes }) => sum + streamBytes, 0)
  const faults: CopyDamage[] = []
  let faultCount = 0
  const server = mediaServerOf(mediaServers, allocation.mediaServer)
  const first = await media.toRead(needToRead(storageUnit, fragments[0]?.volumeId))
  const list = { client, backupId, peer: allocation.mediaServer }
  const compare = async function* (): AsyncGenerator<VerifyEvent, void, undefined> {
    try {
      const { ticket } = await catalog.readFileList(list, { signal })
      yield* server.verifyCopy({ jobId, allocation: first, backupId, copy, list: ticket }, { signal })
    } catch (error) {
      const damage = await damageOfList(catalog, backupId, error, signal)
      if (damage === undefined) throw error
      yield { kind: 'damage', code: LIST_DAMAGED, message: describeListDamage(backupId, copy, damage) }
    }
  }
  for await (const event of compare()) {
    if (event.kind === 'progress') progress({ files: 0, bytes: event.bytes, estimatedBytes })
    else if (event.kind === 'next-volume') {
      // The one before is let go of: while this one is waited for nothing is held.
      const next = await media.toRead(needToRead(storageUnit, event.volumeId))
      await server.continueCopy({ requestId: event.requestId, allocation: next }, { signal })
    } else if (event.kind === 'damage') {
      faultCount += 1
      if (faults.length === LISTED_FAULTS) continue
      faults.push(event)
      await say(describeDamage(event, fragments), 'error')
    } else {
      progress({ files: event.members, bytes: event.bytes, estimatedBytes })
      await say(
        `copy ${copy.copy} of image ${backupId}: ${counted(event.fragments, 'fragment')}${onVolumes(volumes)}, ` +
          `${event.bytes} bytes and ${counted(event.members, 'member')} were read and compared`,
      )
    }
  }
  const [fault] = faults
  const gone = await goneImages(catalog, image, signal)
  if (gone.length > 0) {
    const state = fault === undefined ? 'is whole itself, but needs' : 'needs'
    const text = `image ${backupId} ${state} ${gone.join(', ')}, which is no more: what has not changed since then can't be restored`
    await say(text, 'error')
    if (fault === undefined) return { status: 191, statusText: text }
  }
  if (fault === undefined) return { status: 0 }
  if (fault.code === LIST_DAMAGED) return { status: 191, statusText: fault.message }
  return {
    status: 191,
    statusText: `${counted(faultCount, 'fault')} in copy ${copy.copy} of image ${backupId}: ${describeDamage(fault, fragments)}`,
  }
}

/** Rejects with `argument-invalid`. */
function asked({ backupId, copy = 1 }: Readonly<Record<string, Json>>): readonly [string, number] {
  if (typeof backupId === 'string' && typeof copy === 'number') return [backupId, copy]
  throw new NbError('argument-invalid', 'parameters must have a backupId, and may have a copy, a number', {
    details: { field: 'parameters' },
  })
}

function onVolumes(volumes: readonly string[]): string {
  return volumes.length === 0 ? '' : ` on volume ${volumes.join(', ')}`
}

/** A finding of its own: without its list nobody can say what should be in a copy, but each copy holds the list, too. */
function describeListDamage(backupId: string, { copy, storageUnit }: ImageCopy, damage: string): string {
  return (
    `the file list of image ${backupId} is damaged in the catalog, copy ${copy} could not be compared with it to its end; ` +
    `nb import ${storageUnit} ${backupId} makes the list again from that copy: ${damage}`
  )
}

/** On tape with the volume and the number of its file, since the fragment is known by neither to whoever has the tape in hand. */
function describeDamage(
  { fragment, block, message }: CopyDamage,
  fragments: readonly FragmentRecord[],
): string {
  const { volumeId, filemark } = fragments.find(({ number }) => number === fragment) ?? {}
  const volume = volumeId === undefined ? '' : `volume ${volumeId}, tape file ${filemark ?? '-'}: `
  const where =
    fragment === undefined || message.includes(`ragment ${fragment}`) ? '' : `fragment ${fragment}: `
  const rest =
    block === undefined || message.includes(`block ${block}`)
      ? where + message
      : `${where}block ${block}: ${message}`
  return volume + rest
}

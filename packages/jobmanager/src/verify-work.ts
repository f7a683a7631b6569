import { type CopyDamage, type Json, NbError, counted } from '@nb/contracts'
import type { JobManagerComponents } from './components.ts'
import { copyOfImage } from './copy-of-image.ts'
import { goneImages } from './reference-image.ts'
import { mediaServerOf } from './session-calls.ts'
import type { JobWorker, WorkContext, WorkResult } from './workers.ts'

/** Damage beyond so many faults is counted and not listed. */
const LISTED_FAULTS = 100

/**
 * What carries out jobs of type `verify`, as `verifyJobRequest` asks for them: all of a copy is read at its media server and
 * compared, and the images that it needs must be there (each has a verification of its own). Ends with 0, or with 191 when anything is not as
 * it was written; nothing is changed.
 */
export function verifyWorker(components: Pick<JobManagerComponents, 'catalog' | 'mediaServers'>): JobWorker {
  return { run: (context) => verify(components, context) }
}

async function verify(
  { catalog, mediaServers }: Pick<JobManagerComponents, 'catalog' | 'mediaServers'>,
  { jobId, parameters, allocation, signal, say, progress }: WorkContext,
): Promise<WorkResult> {
  const { image, copy } = await copyOfImage(catalog, ...asked(parameters), 'verified')
  if (allocation?.storageUnit !== copy.storageUnit)
    throw new NbError(
      'argument-invalid',
      `copy ${copy.copy} of image ${image.backupId} is on ${copy.storageUnit}: the job's need must be to read that`,
      { details: { field: 'need' } },
    )
  const { backupId, client } = image
  const { ticket } = await catalog.readFileList({ client, backupId }, { signal })
  const estimatedBytes = copy.fragments.reduce((sum, { streamBytes }) => sum + streamBytes, 0)
  const faults: CopyDamage[] = []
  let faultCount = 0
  const events = mediaServerOf(mediaServers, allocation.mediaServer).verifyCopy(
    { jobId, allocation, backupId, copy, list: ticket },
    { signal },
  )
  for await (const event of events) {
    if (event.kind === 'progress') progress({ files: 0, bytes: event.bytes, estimatedBytes })
    else if (event.kind === 'damage') {
      faultCount += 1
      if (faults.length === LISTED_FAULTS) continue
      faults.push(event)
      await say(describeDamage(event), 'error')
    } else {
      progress({ files: event.members, bytes: event.bytes, estimatedBytes })
      await say(
        `copy ${copy.copy} of image ${backupId}: ${counted(event.fragments, 'fragment')}, ` +
          `${event.bytes} bytes and ${counted(event.members, 'member')} were read and compared`,
      )
    }
  }
  const [first] = faults
  const gone = await goneImages(catalog, image, signal)
  if (gone.length > 0) {
    const text = `image ${backupId} is whole itself, but needs ${gone.join(', ')}, which is no more: what has not changed since then can't be restored`
    await say(text, 'error')
    if (first === undefined) return { status: 191, statusText: text }
  }
  if (first === undefined) return { status: 0 }
  return {
    status: 191,
    statusText: `${counted(faultCount, 'fault')} in copy ${copy.copy} of image ${backupId}: ${describeDamage(first)}`,
  }
}

/** Rejects with `argument-invalid`. */
function asked({ backupId, copy = 1 }: Readonly<Record<string, Json>>): readonly [string, number] {
  if (typeof backupId === 'string' && typeof copy === 'number') return [backupId, copy]
  throw new NbError('argument-invalid', 'parameters must have a backupId, and may have a copy, a number', {
    details: { field: 'parameters' },
  })
}

function describeDamage({ fragment, block, message }: CopyDamage): string {
  const where =
    fragment === undefined || message.includes(`ragment ${fragment}`) ? '' : `fragment ${fragment}: `
  return block === undefined || message.includes(`block ${block}`)
    ? where + message
    : `${where}block ${block}: ${message}`
}

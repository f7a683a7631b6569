import {
  type CallOptions,
  type Grant,
  type ImageCopy,
  type Json,
  type ResourceRequest,
  NbError,
} from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import type { CopiesInWork } from './copies-in-work.ts'
import { copyOfImage } from './copy-of-image.ts'
import { mediaServerOf } from './session-calls.ts'
import type { JobWorker, WorkContext, WorkResult } from './workers.ts'

type DuplicateParts = Pick<ManagerParts, 'broker' | 'catalog' | 'mediaServers' | 'leases' | 'log'>

/**
 * What carries out jobs of type `duplicate`, as `duplicateJobRequest` asks for them: the archive stream of one copy goes, checked, from
 * its media server to that of the storage unit which the job was granted, which writes it as a further copy. The catalog learns of the
 * copy when all of it is durable; until then a failure leaves nothing. The medium to read is asked for once there is one to write.
 */
export function duplicateWorker(parts: DuplicateParts, copies: CopiesInWork): JobWorker {
  return {
    run: (context) =>
      copies.make(asked(context.parameters).backupId, context.jobId, () => duplicate(parts, context)),
  }
}

async function duplicate(parts: DuplicateParts, context: WorkContext): Promise<WorkResult> {
  const { catalog, mediaServers } = parts
  const { jobId, allocation: write, attempt, signal, say, progress } = context
  const { backupId, from } = asked(context.parameters)
  const { image, copy: source } = await copyOfImage(catalog, backupId, from, 'duplicated')
  const { client } = image
  if (write?.purpose !== 'write')
    throw new NbError('argument-invalid', "the job's need must be to write to a storage unit", {
      details: { field: 'need' },
    })
  const number = Math.max(...image.copies.map(({ copy }) => copy)) + 1
  const there = image.copies.find(({ storageUnit }) => storageUnit === write.storageUnit)
  if (there !== undefined && attempt > 1) {
    // A try before this one had done all but tell so.
    await say(`copy ${there.copy} of image ${backupId} is on ${there.storageUnit}`)
    return { status: 0 }
  }
  if (there !== undefined)
    throw new NbError(
      'argument-invalid',
      `copy ${there.copy} of image ${backupId} is on ${there.storageUnit} already; another one there would be lost with it`,
      { details: { field: 'storage' } },
    )
  return withMediumToRead(parts, context, source, async (read, lost) => {
    const options: CallOptions = { signal: AbortSignal.any([signal, lost]) }
    const { ticket: list } = await catalog.readFileList({ client, backupId }, options)
    const writing = mediaServerOf(mediaServers, write.mediaServer)
    const reading = mediaServerOf(mediaServers, read.allocation.mediaServer)
    const estimatedBytes = image.counts?.streamBytes ?? 0
    let sent: Promise<unknown> | undefined
    let copy: ImageCopy | undefined
    try {
      const events = writing.writeCopy({ jobId, allocation: write, image, copy: number, list }, options)
      for await (const event of events) {
        if (event.kind === 'progress') progress({ files: 0, bytes: event.bytes, estimatedBytes })
        else if (event.kind === 'written') copy = event.copy
        else {
          const access = { jobId, allocation: read.allocation, backupId, copy: source, data: event.data }
          sent = reading.sendCopy(access, options)
          // Its failure breaks the channel, and comes first where both are told.
          sent.catch(() => undefined)
        }
      }
    } catch (error) {
      await sent
      throw error
    }
    await sent
    if (copy === undefined) throw new NbError('image-inconsistent', `copy ${number} was not written`)
    await catalog.addCopy({ backupId, copy }, options)
    progress({ files: image.counts?.entries ?? 0, bytes: estimatedBytes, estimatedBytes })
    await say(
      `copy ${number} of image ${backupId} is on ${copy.storageUnit}: ${copy.fragments.length} fragments, ${estimatedBytes} bytes`,
    )
    return { status: 0 }
  })
}

/** Holds the medium of a copy for as long as the work takes; `lost` aborts when it can't be kept. */
async function withMediumToRead(
  { broker, leases, log }: DuplicateParts,
  { jobId, client, policy, signal, say }: WorkContext,
  { storageUnit, fragments }: ImageCopy,
  work: (grant: Grant, lost: AbortSignal) => Promise<WorkResult>,
): Promise<WorkResult> {
  const volumeId = fragments[0]?.volumeId
  const request: ResourceRequest = {
    requestId: `job-${jobId}.read`,
    jobId,
    jobType: 'duplicate',
    priority: 0,
    client,
    limits: {},
    need: { kind: 'read', storageUnit, ...(volumeId === undefined ? {} : { volumeId }) },
    ...(policy === undefined ? {} : { policy }),
  }
  await say(`requesting resource: storage unit ${storageUnit} to read`)
  const grant = await broker.acquire(request, { signal })
  const lost = new AbortController()
  leases.keep(grant, (reason) => lost.abort(reason))
  try {
    await say(`granted resource: storage unit ${storageUnit} on media server ${grant.allocation.mediaServer}`)
    return await work(grant, lost.signal)
  } finally {
    leases.letGo(grant.leaseId)
    await broker.release({ leaseId: grant.leaseId }).catch((error: unknown) => {
      log.error('lease %s of job %s ends by itself: %o', grant.leaseId, jobId, error)
    })
  }
}

/** Rejects with `argument-invalid`. */
function asked({ backupId, copy }: Readonly<Record<string, Json>>): {
  readonly backupId: string
  readonly from: number
} {
  if (typeof backupId === 'string' && typeof copy === 'number') return { backupId, from: copy }
  throw new NbError('argument-invalid', 'parameters must have backupId, and copy, a number', {
    details: { field: 'parameters' },
  })
}

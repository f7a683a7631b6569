import {
  type CallOptions,
  type ChannelTicket,
  type DataChannel,
  type Logger,
  type NbError,
  type RestoreRequest,
  asNbError,
} from '@nb/contracts'
import { type FileRecord, FileListEncoder, batchWithoutFront, comparePaths, decodeBatch } from '@nb/formats'
import { type PlanningComponents, readWanted } from './plan.ts'
import type { RestoreGroup } from './restore-group.ts'
import { commonFront, keepsOrder, pathMapping } from './path-mapping.ts'

/** A plan on its way to one reader. */
export interface ServedPlan {
  readonly ticket: ChannelTicket
  /**
   * Settles when the reader has everything, or the serving came to an end before: with what kept the plan from being
   * made, if that was it. A reader that went away or never came is its own story. Never rejects.
   */
  readonly done: Promise<NbError | undefined>
  /** Gives it up where it is not done; idempotent. Answers as `done` does. */
  close(): Promise<NbError | undefined>
}

/** The session closes the plans it was given when it ends, so a ticket need only outlast the slowest of starts. */
const ticketMs = 24 * 3_600_000

/**
 * Serves the plan of a group: an `nb-files` list whose paths are the targets below the restore's root and whose
 * images are the group's sources. Targets of hard links stay as they were backed up: an extractor goes by members.
 * It is made while it is read, so that its size costs no memory (renames alone need it sorted in memory).
 *
 * @param reader - the host that reads it; its ticket is good for no other
 */
export async function servePlan(
  components: PlanningComponents,
  request: RestoreRequest,
  group: RestoreGroup,
  { reader, log }: { readonly reader: string; readonly log: Logger },
): Promise<ServedPlan> {
  const listener = await components.channels.listen({ timeoutMs: ticketMs, peer: reader })
  const giveUp = new AbortController()
  const done = serve(components, request, group, () => listener.accept({ signal: giveUp.signal }), {
    signal: giveUp.signal,
  }).then((failure) => {
    if (failure !== undefined) log.error('plan for %s: %o', group.storageUnit, failure)
    return failure
  })
  return {
    ticket: listener.ticket,
    done,
    close: async () => {
      giveUp.abort()
      await listener.close()
      return done
    },
  }
}

async function serve(
  components: PlanningComponents,
  request: RestoreRequest,
  group: RestoreGroup,
  accept: () => Promise<DataChannel>,
  options: { readonly signal: AbortSignal },
): Promise<NbError | undefined> {
  let reader: DataChannel
  try {
    reader = await accept()
  } catch {
    return undefined
  }
  let readerGone = false
  const deliver = async (work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => {
      readerGone = true
      throw error
    })
  }
  try {
    await writePlan(components, request, group, (bytes) => deliver(reader.write(bytes, options)), options)
    await deliver(reader.end())
    return undefined
  } catch (error) {
    const failure = asNbError(error)
    reader.abort(failure.message)
    return readerGone || options.signal.aborted ? undefined : failure
  }
}

async function writePlan(
  components: PlanningComponents,
  request: RestoreRequest,
  group: RestoreGroup,
  write: (bytes: Buffer) => Promise<void>,
  options: CallOptions,
): Promise<void> {
  const ready: Buffer[] = []
  const flush = async (): Promise<void> => {
    for (const bytes of ready.splice(0)) await write(bytes)
  }
  const give = (bytes: Buffer | undefined): void => {
    if (bytes !== undefined) ready.push(bytes)
  }
  const sources = group.sources.map((source) => source.backupId)
  let encoder = new FileListEncoder({ images: sources })
  const sorted = keepsOrder(request.target) ? undefined : ([] as FileRecord[])
  const add = (record: FileRecord): void => {
    if (sorted === undefined) give(encoder.add(record))
    else sorted.push(kept(record))
  }
  const mapping = pathMapping(request.target)
  const front = commonFront(request.target)
  await readWanted(
    components,
    request,
    options,
    ({ images, digestAlgorithm }) => {
      if (digestAlgorithm !== undefined) encoder = new FileListEncoder({ images: sources, digestAlgorithm })
      give(encoder.header())
      const onRecord = (record: FileRecord): void => {
        const imageIndex = sources.indexOf(images[record.imageIndex] ?? '')
        if (imageIndex >= 0) add({ ...record, imageIndex, path: mapping(record.path) })
      }
      // Where all of it is of this group, numbered as the group is and in order, it need not be written anew.
      if (sorted !== undefined || images.join('\n') !== sources.join('\n')) return { onRecord }
      return {
        onWholeBatch: (batch) => {
          const planned = batchWithoutFront(batch, front)
          // The mapping refuses the path that is not below the front.
          if (planned === undefined) decodeBatch(batch.bytes, batch.open.offset).forEach(onRecord)
          give(planned)
        },
      }
    },
    flush,
  )
  sorted?.sort((a, b) => comparePaths(a.path, b.path)).forEach((record) => give(encoder.add(record)))
  give(encoder.flush())
  await flush()
}

/** A record whose digest stays when the piece of the list that it came with is gone. */
function kept(record: FileRecord): FileRecord {
  return record.digest === undefined ? record : { ...record, digest: Buffer.from(record.digest) }
}

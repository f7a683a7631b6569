import {
  type CallOptions,
  type ChannelTicket,
  type DataChannel,
  type Logger,
  type RestoreRequest,
} from '@nb/contracts'
import { type FileRecord, FileListEncoder, comparePaths } from '@nb/formats'
import { type PlanningComponents, type RestoreGroup, eachWantedRecord } from './plan.ts'
import { type PathMapping, keepsOrder, pathMapping } from './path-mapping.ts'

/** A plan on its way to one reader. */
export interface ServedPlan {
  readonly ticket: ChannelTicket
  /** Settles when the reader has everything, or the serving was given up. Never rejects. */
  readonly done: Promise<void>
  /** Gives it up; idempotent. */
  close(): Promise<void>
}

/**
 * Serves the plan of a group: an `nb-files` list whose paths are the targets below the restore's root and whose
 * images are the group's sources. It is made while it is read, so that its size costs no memory (renames alone
 * need it sorted in memory).
 */
export async function servePlan(
  components: PlanningComponents,
  request: RestoreRequest,
  group: RestoreGroup,
  log: Logger,
): Promise<ServedPlan> {
  const listener = await components.channels.listen({ timeoutMs: 300_000 })
  const giveUp = new AbortController()
  const serve = async (): Promise<void> => {
    let channel: DataChannel | undefined
    try {
      channel = await listener.accept({ signal: giveUp.signal })
      await writePlan(components, request, group, channel, { signal: giveUp.signal })
      await channel.end()
    } catch (error) {
      log('plan for %s was not read to its end: %s', group.storageUnit, error)
      channel?.abort(error instanceof Error ? error.message : String(error))
    }
  }
  const done = serve()
  return {
    ticket: listener.ticket,
    done,
    close: async () => {
      giveUp.abort()
      await listener.close()
      await done
    },
  }
}

async function writePlan(
  components: PlanningComponents,
  request: RestoreRequest,
  group: RestoreGroup,
  channel: DataChannel,
  options: CallOptions,
): Promise<void> {
  const indexOf = new Map(group.sources.map((source, index) => [source.backupId, index]))
  const encoder = new FileListEncoder({ images: group.sources.map((source) => source.backupId) })
  const mapping = pathMapping(request.target)
  const ready: Buffer[] = [encoder.header()]
  const flush = async (): Promise<void> => {
    for (const bytes of ready.splice(0)) await channel.write(bytes, options)
  }
  const encode = (record: FileRecord): void => {
    const batch = encoder.add(record)
    if (batch !== undefined) ready.push(batch)
  }
  const sorted = keepsOrder(request.target) ? undefined : ([] as FileRecord[])
  await eachWantedRecord(
    components,
    request,
    options,
    (record, backupId) => {
      const imageIndex = indexOf.get(backupId)
      if (imageIndex === undefined) return
      const planned = mapRecord(record, imageIndex, mapping)
      if (sorted === undefined) encode(planned)
      else sorted.push(planned)
    },
    flush,
  )
  sorted?.sort((a, b) => comparePaths(a.path, b.path)).forEach(encode)
  const last = encoder.flush()
  if (last !== undefined) ready.push(last)
  await flush()
}

function mapRecord(record: FileRecord, imageIndex: number, mapping: PathMapping): FileRecord {
  return { ...record, imageIndex, path: mapping(record.path) }
}

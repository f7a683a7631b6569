import { type DataChannel, NbError, type WantedOfImage, readChannel } from '@nb/contracts'
import { type FileListEntry, FileListDecoder, FormatError } from '@nb/formats'
import { type Range, RangeList } from './range-list.ts'

/** What a restore reads: for each image of the session, by index, the ranges of its archive stream in order. */
export interface MediaPlan {
  readonly rangesOf: (imageIndex: number, from?: number, to?: number) => Iterable<Range>
  readonly rangeCountOf: (imageIndex: number) => number
  /** Entries that have data. */
  readonly entries: number
  /** Stream bytes to read. */
  readonly bytes: number
}

/**
 * Reads the plan of a restore, an `nb-files` stream whose records say which member of which image is wanted.
 * Memory: 16 bytes an entry, whatever its path. Rejects with `file-list-corrupt`, `channel-broken`.
 */
export async function readMediaPlan(plan: DataChannel, images: number): Promise<MediaPlan> {
  const lists = Array.from({ length: images }, () => new RangeList())
  const decoder = new FileListDecoder()
  let entries = 0
  const sink = {
    onEntry: (record: FileListEntry): void => {
      if (record.memberBytes === 0) return
      const list = lists[record.imageIndex]
      if (list === undefined)
        throw new NbError('file-list-corrupt', `The plan speaks of image ${record.imageIndex} of ${images}.`)
      list.add(record.memberOffset, record.memberBytes)
      entries += 1
    },
  }
  try {
    for await (const chunk of readChannel(plan)) decoder.push(chunk, sink)
    decoder.finish()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new NbError('file-list-corrupt', `The restore plan is damaged: ${error.message}`, { cause: error })
  }
  return planOf(lists, entries)
}

/** The plan that a restore's images tell themselves. */
export function knownMediaPlan(wanted: readonly WantedOfImage[]): MediaPlan {
  const lists = wanted.map(({ ranges }) => {
    const list = new RangeList()
    for (const { offset, bytes } of ranges) if (bytes > 0) list.add(offset, bytes)
    return list
  })
  return planOf(
    lists,
    wanted.reduce((sum, { entries }) => sum + entries, 0),
  )
}

function planOf(lists: readonly RangeList[], entries: number): MediaPlan {
  let bytes = 0
  for (const list of lists) bytes += list.merge()
  return {
    rangesOf: (imageIndex, from, to) => lists[imageIndex]?.ranges(from, to) ?? [],
    rangeCountOf: (imageIndex) => lists[imageIndex]?.count ?? 0,
    entries,
    bytes,
  }
}

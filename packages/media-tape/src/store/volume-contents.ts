import { type CallOptions, type MediumContent, NbError, type TapeDrive } from '@nb/contracts'
import { FormatError, type WholeTapeFile, proveTapeFile } from '@nb/formats'
import { proveFragmentEnds, recordOf } from '../fragment/fragment-ends.ts'
import { listStreams } from '../multiplex/list-streams.ts'
import type { StreamVolume } from '../multiplex/open-stream.ts'
import { FIRST_FRAGMENT_FILE, FIRST_FRAGMENT_OBJECT, opensWith, readTapeFile } from './tape-files.ts'

/**
 * What is on a volume, file by file from its beginning: of each its first and its last block are read, of a multiplexed one those of its
 * streams. Rejects as the drive does, but for blocks that can't be read.
 */
export async function* volumeContents(
  drive: TapeDrive,
  volume: StreamVolume,
  options?: CallOptions,
): AsyncGenerator<MediumContent, void, undefined> {
  let object = FIRST_FRAGMENT_OBJECT
  for (let file = FIRST_FRAGMENT_FILE; ; file++) {
    const found = await readTapeFile(drive, object, options).catch((error: unknown) => {
      // A volume that ends with its label.
      const isBeyond = error instanceof NbError && error.code === 'media-position-failed'
      if (isBeyond && file === FIRST_FRAGMENT_FILE) return { kind: 'end-of-data' } as const
      throw error
    })
    if (found.kind !== 'file') return
    const { first, last, blocks, next, closed } = found
    if (first !== undefined && opensWith(first, 'END.json')) return
    yield* contentsOf(volume, { file, object, blocks, first, last }, options)
    if (!closed) return
    object = next
  }
}

interface PassedFile {
  readonly file: number
  readonly object: number
  readonly blocks: number
  readonly first: Buffer | undefined
  readonly last: Buffer | undefined
}

async function* contentsOf(
  volume: StreamVolume,
  { file, object, blocks, first, last }: PassedFile,
  options: CallOptions | undefined,
): AsyncGenerator<MediumContent, void, undefined> {
  const damaged = (reason: string): MediumContent => ({ kind: 'damaged', filemark: file, reason })
  if (first === undefined || last === undefined)
    return yield damaged(`its ${first === undefined ? 'first' : 'last'} block can't be read`)
  const place = { ...volume.identity, file }
  let whole: WholeTapeFile
  try {
    whole = proveTapeFile(first, last, place)
    if (whole.kind === 'fragment') {
      const { backupId, copy, lastFragment } = whole.footer
      const objects = { header: object, footer: object + blocks - 1 }
      const fragment = recordOf(proveFragmentEnds(place, objects, first, last))
      return yield { kind: 'fragment', backupId, copy, fragment, last: lastFragment }
    }
  } catch (error) {
    if (error instanceof FormatError) return yield damaged(error.message)
    throw error
  }
  for await (const stream of listStreams(volume, { file, object }, whole.footer, options)) {
    const { backupId, copy } = stream.listed
    if ('damage' in stream) yield damaged(stream.damage.message)
    else {
      const { lastFragment } = stream.ends.footer
      yield { kind: 'fragment', backupId, copy, fragment: recordOf(stream.ends), last: lastFragment }
    }
  }
}

import { type CallOptions, type MediumContent, type TapeDrive, throwIfAborted } from '@nb/contracts'
import { FIRST_FRAGMENT_FILE, TAPE_BLOCK_BYTES, type TapeStream, beginsWithTapeMember } from '@nb/formats'
import { BlockReader } from '../fragment/block-reader.ts'
import type { ReadVolume } from '../fragment/find-fragment.ts'
import { type FragmentEnds, proveFragmentEnds, recordOf } from '../fragment/fragment-ends.ts'
import { wholeStreamsOf } from '../multiplex/close-cut-file.ts'
import { listStreams } from '../multiplex/list-streams.ts'
import { goToFile, isDamage, proveFile } from '../volume-writer/tape-file.ts'

/** A tape file of a volume, by its number and where it begins. */
interface FilePlace {
  readonly file: number
  readonly object: number
}

/** What a tape file holds. */
interface FileContent {
  readonly fragment?: FragmentEnds
  readonly streams?: readonly TapeStream[]
  readonly damage?: Error
  /** Where the next file begins; absent where nothing follows. */
  readonly beyond?: number
}

/**
 * Goes over a volume from its first file on and tells what it finds: phase 1 of an import. Of each file the first and the last block are read;
 * of a multiplexed one also the headers and footers of its streams. Remains of a crash at the end, which nobody was told of, are not told.
 * Between two files others may read from the volume.
 */
export async function* contentsOf(
  drive: TapeDrive,
  volume: ReadVolume,
  options?: CallOptions,
): AsyncGenerator<MediumContent, void, undefined> {
  const { reader } = volume
  let object = await reader.alone(() => goToFile(drive, FIRST_FRAGMENT_FILE, options), options)
  for (let file = FIRST_FRAGMENT_FILE; object !== undefined; file++) {
    throwIfAborted(options)
    const place: FilePlace = { file, object }
    const found = await reader.alone(() => lookInto(drive, volume, place, options), options)
    const { fragment, streams = [], damage, beyond } = found
    if (fragment !== undefined) yield contentOf(fragment)
    for await (const one of listStreams(volume, place, { streams }, options))
      yield 'damage' in one
        ? { kind: 'damaged', filemark: file, reason: one.damage.message }
        : contentOf(one.ends)
    if (damage !== undefined) yield { kind: 'damaged', filemark: file, reason: damage.message }
    object = beyond
  }
}

async function lookInto(
  drive: TapeDrive,
  { identity }: ReadVolume,
  { file, object }: FilePlace,
  options?: CallOptions,
): Promise<FileContent> {
  // Of what can't be read nothing may be taken for a block.
  const first = Buffer.alloc(TAPE_BLOCK_BYTES)
  let unreadable: Error | undefined
  await drive.locate({ object }, options)
  const read = await drive.readBlock({ target: first }, options).catch((error: unknown) => {
    if (!isDamage(error)) throw error
    first.fill(0)
    unreadable = error
    return undefined
  })
  if (read !== undefined && read.kind !== 'block') return {}
  if (beginsWithTapeMember(first, 'END.json')) return {}
  const place = { ...identity, file }
  const proven = await proveFile(drive, new BlockReader(drive), { place, object, first }, options)
  const next = proven.isMarked ? { beyond: proven.beyond } : {}
  if ('damage' in proven) {
    const isMultiplexed = beginsWithTapeMember(first, 'MULTIPLEX.json')
    // Streams of it may be whole, and may have been reported.
    const streams = isMultiplexed ? await wholeStreamsOf(drive, { ...place, object }, options) : []
    // Else it is what a crash has left.
    const isDamaged = proven.isMarked || unreadable !== undefined
    return { streams, ...next, ...(isDamaged ? { damage: unreadable ?? proven.damage } : {}) }
  }
  if (proven.whole.kind === 'multiplexed') return { streams: proven.whole.footer.streams, ...next }
  const objects = { header: object, footer: proven.lastObject }
  return { fragment: proveFragmentEnds(place, objects, first, proven.last), ...next }
}

function contentOf(ends: FragmentEnds): MediumContent {
  const { backupId, copy, lastFragment } = ends.footer
  return { kind: 'fragment', backupId, copy, fragment: recordOf(ends), last: lastFragment }
}

import { type CallOptions, type MediumContent, type TapeDrive, throwIfAborted } from '@nb/contracts'
import { FIRST_FRAGMENT_FILE, TAPE_BLOCK_BYTES, type TapeStream } from '@nb/formats'
import { proveFragmentEnds, recordOf } from '../fragment/fragment-ends.ts'
import { wholeStreamsOf } from '../multiplex/close-cut-file.ts'
import { listStreams } from '../multiplex/list-streams.ts'
import type { ReadVolume } from '../fragment/find-fragment.ts'
import { goToFile, isDamage, proveFile } from '../volume-writer/tape-file.ts'

/**
 * Goes over a volume from its first file on and tells what it finds: phase 1 of an import. Of each file the first and the last block are read;
 * of a multiplexed one also the headers and footers of its streams. Remains of a crash at the end, which nobody was told of, are not told.
 */
export async function* contentsOf(
  drive: TapeDrive,
  volume: ReadVolume,
  options?: CallOptions,
): AsyncGenerator<MediumContent, void, undefined> {
  const { identity, reader } = volume
  let object = await goToFile(drive, FIRST_FRAGMENT_FILE, options)
  for (let file = FIRST_FRAGMENT_FILE; object !== undefined; file++) {
    throwIfAborted(options)
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
    if (read !== undefined && read.kind !== 'block') return
    if (first.toString('latin1', 0, 13) === '.nb/END.json\0') return
    const place = { ...identity, file }
    const proven = await proveFile(drive, reader, { place, object, first }, options)
    if ('damage' in proven) {
      // Streams of it may be whole, and may have been reported.
      if (first.toString('latin1', 0, 18) === '.nb/MULTIPLEX.json') {
        const streams = await wholeStreamsOf(drive, { ...place, object }, options)
        yield* streamsIn(volume, { file, object }, streams, options)
      }
      // Else it is what a crash has left.
      if (!proven.isMarked && unreadable === undefined) return
      const { message: reason } = unreadable ?? proven.damage
      yield { kind: 'damaged', filemark: file, reason }
    } else if (proven.whole.kind === 'fragment') {
      const objects = { header: object, footer: proven.lastObject }
      const ends = proveFragmentEnds(place, objects, first, proven.last)
      const { backupId, copy, lastFragment } = ends.footer
      yield { kind: 'fragment', backupId, copy, fragment: recordOf(ends), last: lastFragment }
    } else {
      yield* streamsIn(volume, { file, object }, proven.whole.footer.streams, options)
    }
    object = proven.isMarked ? proven.beyond : undefined
  }
}

async function* streamsIn(
  volume: ReadVolume,
  file: { readonly file: number; readonly object: number },
  streams: readonly TapeStream[],
  options?: CallOptions,
): AsyncGenerator<MediumContent, void, undefined> {
  for await (const one of listStreams(volume, file, { streams }, options)) {
    if ('damage' in one) {
      yield { kind: 'damaged', filemark: file.file, reason: one.damage.message }
      continue
    }
    const { backupId, copy, lastFragment } = one.ends.footer
    yield { kind: 'fragment', backupId, copy, fragment: recordOf(one.ends), last: lastFragment }
  }
}

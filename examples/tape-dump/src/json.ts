import { displayPath, pathFromBytes } from '@nb/contracts'
import type { FileListHeader, FileRecord } from '@nb/formats'
import type { DumpedFile, WholeFragment } from './dump-tape.ts'

/** An entry of a file list, to be told. */
export interface Entry {
  readonly kind: 'entry'
  readonly record: FileRecord
  readonly list: FileListHeader
}

/** A tape file or an entry as plain data: times in nanoseconds are texts, what only the dump needs is left out. */
export function asJson(told: DumpedFile | Entry): object {
  switch (told.kind) {
    case 'fragment':
      return { file: told.file, kind: told.kind, ...fragmentOf(told) }
    case 'multiplexed': {
      const streams = told.streams.map((one) =>
        one.whole ? fragmentOf(one) : { ...one.listed, damaged: one.why },
      )
      return { file: told.file, kind: told.kind, blocks: told.footer.blocks, streams }
    }
    case 'end':
    case 'damaged':
      return told
    case 'entry': {
      const { path, kind, mode, uid, gid, sizeBytes, mtimeNs, imageIndex } = told.record
      const image = told.list.images[imageIndex]
      return {
        entry: {
          path: displayPath(pathFromBytes(path)),
          kind,
          mode,
          uid,
          gid,
          sizeBytes,
          mtimeNs: String(mtimeNs),
          image,
        },
      }
    }
  }
}

function fragmentOf({ header, footer }: WholeFragment): object {
  const { payloadBytes, storedBytes, payloadBlocks, trailerBlocks, lastFragment } = footer
  return { ...header, payloadBytes, storedBytes, payloadBlocks, trailerBlocks, lastFragment }
}

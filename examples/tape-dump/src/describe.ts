import { displayPath, pathFromBytes } from '@nb/contracts'
import type { FileListHeader, FileRecord, ForeignTape, TapeContent } from '@nb/formats'
import type { DumpedFile, TapeEnding, WholeFragment } from './dump-tape.ts'

const writers: Readonly<Record<ForeignTape, string>> = {
  ansi: 'some program that writes ANSI or IBM labels',
  ltfs: 'LTFS',
  bacula: 'Bacula or Bareos',
  amanda: 'Amanda',
  mtf: 'a program of the Microsoft tape format',
  cpio: 'cpio',
  dump: 'dump',
  tar: 'tar',
  unknown: 'something that is not known here',
}

/** What a tape is, in a line. */
export function describeTape(content: TapeContent): string {
  switch (content.kind) {
    case 'nb': {
      const { volume, generation, pool, barcode, created } = content.volume
      const label = barcode === undefined ? '' : `, barcode ${barcode}`
      return `volume ${volume}${label}, pool ${pool}, labelled ${created}, generation ${generation}`
    }
    case 'blank':
      return 'The tape is blank: nothing was ever written to it, or it was erased.'
    case 'foreign':
      return `The tape is not ours: it was written by ${writers[content.writer]}${content.volumeId === undefined ? '' : `, its label says ${content.volumeId}`}. It holds data of others; nb does not write over it unless an operator says so.`
    case 'nb-newer':
      return 'The tape was written by a newer version of nb; this program does not know its format.'
    case 'nb-damaged':
      return `The tape has the label of nb${content.volumeId === undefined ? '' : ` (volume ${content.volumeId})`}, and what has to stand behind it is damaged. Its files may still be whole.`
    case 'unreadable':
      return 'The beginning of the tape can not be read: nobody knows what it is. Clean the drive, try another one.'
  }
}

/** What a tape file is, in a line and one more for each stream. */
export function describeFile(told: DumpedFile): string {
  const number = `file ${String(told.file).padStart(4)}  `
  switch (told.kind) {
    case 'fragment':
      return number + describeFragment(told)
    case 'multiplexed': {
      const { streams, footer } = told
      const lines = streams.map((one) =>
        one.whole
          ? `  stream ${String(one.header.stream ?? 0).padStart(2)}  ${describeFragment(one)}`
          : `  stream ${String(one.listed.stream).padStart(2)}  DAMAGED: ${one.why}; image ${one.listed.backupId}, copy ${one.listed.copy}, fragment ${one.listed.fragment}`,
      )
      return [`${number}multiplexed: ${streams.length} streams in ${footer.blocks} blocks`, ...lines].join(
        '\n',
      )
    }
    case 'end': {
      const { fragments, full, nextVolume } = told.end
      const more = full ? 'the tape is full' : 'there is room for more'
      return `${number}end of the tape: ${fragments} ${fragments === 1 ? 'fragment' : 'fragments'}, ${more}${nextVolume === undefined ? '' : `, goes on with volume ${nextVolume}`}`
    }
    case 'damaged': {
      const { header, why } = told
      const whose =
        header === undefined
          ? ''
          : `; begun as fragment ${header.fragment} of image ${header.backupId}, copy ${header.copy}`
      return `${number}DAMAGED: ${why}${whose}`
    }
  }
}

/** How a tape that has no end of its own ends. */
export function describeEnding(ending: TapeEnding): string | undefined {
  return ending === 'end'
    ? undefined
    : 'The tape has no end record: it was cut off by a crash, or ran to its physical end. What is listed is whole.'
}

function describeFragment({ header, footer }: WholeFragment): string {
  const { backupId, client, policy, schedule, copy, fragment, previousVolume } = header
  const { compression, payloadBytes, storedBytes, streamOffset, lastFragment } = footer
  const stored = compression === undefined ? '' : `, ${storedBytes} in ${compression}`
  return [
    `image ${backupId}`,
    `client ${client}`,
    `${policy}/${schedule}`,
    `copy ${copy}`,
    `fragment ${fragment}${lastFragment ? ', the last' : ', goes on'}`,
    `bytes ${streamOffset}–${streamOffset + payloadBytes}${stored}`,
    ...(previousVolume === undefined ? [] : [`begins on volume ${previousVolume}`]),
  ].join('  ')
}

/** An entry of a file list, in a line. */
export function describeRecord(record: FileRecord, { images }: FileListHeader): string {
  const { path, kind, mode, sizeBytes, mtimeNs, imageIndex } = record
  const changed = new Date(Number(mtimeNs / 1_000_000n)).toISOString().slice(0, 19)
  const elsewhere = imageIndex === 0 ? '' : `  data in image ${images[imageIndex] ?? '?'}`
  return `  ${kind.padEnd(9)} ${mode.toString(8).padStart(4, '0')} ${String(sizeBytes).padStart(12)}  ${changed}  ${displayPath(pathFromBytes(path))}${elsewhere}`
}

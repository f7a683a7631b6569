import type { CallOptions, TapeDrive } from '@nb/contracts'
import {
  checkTapeFooter,
  checkTapePlace,
  decodeTapeEnd,
  decodeTapeFragmentFooter,
  decodeTapeFragmentHeader,
  FormatError,
  type MultiplexFooter,
  proveTapeEnd,
  proveTapeFile,
  recogniseTape,
  type TapeContent,
  type TapeEnd,
  type TapeFragmentFooter,
  type TapeFragmentHeader,
  type TapeIdentity,
  type TapePlace,
  type TapeStream,
} from '@nb/formats'
import { TapeReader } from './tape-reader.ts'

/** A fragment that is whole: header and footer belong together and say so. */
export interface WholeFragment {
  readonly header: TapeFragmentHeader
  readonly footer: TapeFragmentFooter
  /** Number of the logical object that is the footer's block, by which its trailer is found. */
  readonly footerObject: number
}

/** A stream of a multiplexed file; without a fragment, its header or footer can't be read. */
export type DumpedStream =
  | ({ readonly whole: true } & WholeFragment)
  | { readonly whole: false; readonly listed: TapeStream; readonly why: string }

/** What a tape file behind the first two is. */
export type DumpedFile =
  | ({ readonly kind: 'fragment'; readonly file: number } & WholeFragment)
  | {
      readonly kind: 'multiplexed'
      readonly file: number
      readonly footer: MultiplexFooter
      readonly streams: readonly DumpedStream[]
    }
  | { readonly kind: 'end'; readonly file: number; readonly end: TapeEnd }
  /** What was begun and not ended, is damaged, or belongs elsewhere. `header` where at least that can be read. */
  | {
      readonly kind: 'damaged'
      readonly file: number
      readonly why: string
      readonly header?: TapeFragmentHeader
    }

/** Where the tape ends. */
export type TapeEnding =
  /** As it should: behind `.nb/END.json`. */
  | 'end'
  /** Without one, as a crash or the hard end of a tape leaves it. */
  | 'end-of-data'

/** Who hears of a tape, in the order in which it is read. */
export interface TapeDump {
  onTape(content: TapeContent): void
  onFile(file: DumpedFile): Promise<void> | void
  onEnding(ending: TapeEnding): void
}

/**
 * Reads a loaded tape from its beginning: of each file the header and the footer, nothing of what is between. Of a tape that is not ours
 * only that is told. Rejects as the drive does, but for blocks that can't be read: those are told.
 */
export async function dumpTape(drive: TapeDrive, to: TapeDump, options?: CallOptions): Promise<void> {
  const reader = new TapeReader(drive, options)
  await drive.rewind(options)
  const first = await reader.read()
  const content = recogniseTape(first, first.kind === 'block' ? await reader.read() : undefined)
  to.onTape(content)
  if (content.kind !== 'nb') return
  let lastBlock: Uint8Array | undefined
  await reader.nextFile()
  // File 1 is the README; what counts begins behind it.
  for (let file = 2; await reader.nextFile(); file++) {
    const found = await readFile(reader, { ...identityOf(content.volume), file }, lastBlock)
    if (found === 'nothing') break
    await to.onFile(found.told)
    if (found.told.kind === 'end') return to.onEnding('end')
    lastBlock = found.lastBlock
  }
  to.onEnding('end-of-data')
}

const identityOf = ({ volume, generation }: TapeIdentity): TapeIdentity => ({ volume, generation })

/** A tape file from its beginning; afterwards the tape stands inside it. A filemark or nothing at once is the end of the tape. */
async function readFile(
  reader: TapeReader,
  place: TapePlace,
  lastBlock: Uint8Array | undefined,
): Promise<'nothing' | { readonly told: DumpedFile; readonly lastBlock: Uint8Array | undefined }> {
  const { file } = place
  const first = await reader.read()
  if (first.kind === 'filemark' || first.kind === 'end-of-data') return 'nothing'
  const start = reader.object - 1
  if (first.kind === 'unreadable')
    return { told: { kind: 'damaged', file, why: 'its first block can not be read' }, lastBlock: undefined }
  const end = attempt(() => decodeTapeEnd(first.bytes))
  if (end.good) return { told: endOf(end.value, lastBlock, place), lastBlock: first.bytes }
  const last = await reader.readLast()
  if (last.kind !== 'block')
    return { told: damaged(file, first.bytes, 'its last block can not be read'), lastBlock: undefined }
  const proven = attempt(() => proveTapeFile(first.bytes, last.bytes, place))
  if (!proven.good) return { told: damaged(file, first.bytes, proven.why), lastBlock: last.bytes }
  if (proven.value.kind === 'fragment') {
    const { header, footer } = proven.value
    return {
      told: { kind: 'fragment', file, header, footer, footerObject: reader.object - 1 },
      lastBlock: last.bytes,
    }
  }
  const { footer } = proven.value
  const streams: DumpedStream[] = []
  for (const listed of footer.streams) streams.push(await readStream(reader, start, listed, place))
  return { told: { kind: 'multiplexed', file, footer, streams }, lastBlock: last.bytes }
}

function endOf(end: TapeEnd, lastBlock: Uint8Array | undefined, place: TapePlace): DumpedFile {
  const { file } = place
  const proven = attempt(() => proveTapeEnd(end, end.fragments === 0 ? undefined : lastBlock, place))
  return proven.good ? { kind: 'end', file, end } : { kind: 'damaged', file, why: proven.why }
}

function damaged(file: number, first: Uint8Array, why: string): DumpedFile {
  const header = attempt(() => decodeTapeFragmentHeader(first))
  return { kind: 'damaged', file, why, ...(header.good ? { header: header.value } : {}) }
}

/** Header and footer of a stream, where the list of streams says that they are. */
async function readStream(
  reader: TapeReader,
  start: number,
  listed: TapeStream,
  place: TapePlace,
): Promise<DumpedStream> {
  const headerBlock = await reader.readAt(start + listed.headerBlock)
  const footerObject = start + listed.footerBlock
  const footerBlock = await reader.readAt(footerObject)
  if (headerBlock === undefined || footerBlock === undefined)
    return { whole: false, listed, why: 'its header or footer can not be read' }
  const found = attempt(() => {
    const header = decodeTapeFragmentHeader(headerBlock)
    checkTapePlace(header, place)
    const footer = decodeTapeFragmentFooter(footerBlock)
    checkTapeFooter(footer, header, headerBlock)
    return { header, footer, footerObject }
  })
  return found.good ? { whole: true, ...found.value } : { whole: false, listed, why: found.why }
}

type Attempt<Value> =
  { readonly good: true; readonly value: Value } | { readonly good: false; readonly why: string }

/** What a decoder gives, or why it refuses. */
function attempt<Value>(decode: () => Value): Attempt<Value> {
  try {
    return { good: true, value: decode() }
  } catch (error) {
    if (error instanceof FormatError) return { good: false, why: `${error.message} (${error.code})` }
    throw error
  }
}

import {
  BlockChecksums,
  TAPE_BLOCK_BYTES,
  STREAM_BLOCK_BYTES,
  encodeMultiplexFooter,
  encodeMultiplexHeader,
  encodeStreamBlock,
  encodeTapeEnd,
  encodeTapeFragmentHeader,
  encodeTapeLabel,
  encodeTapeReadme,
  encodeTapeTrailer,
  encodeTapeVolume,
  fillAfter,
  tapeBlockChecksum,
} from '../../src/index.ts'
import type { TapeFragmentHeader, TapeStream, TapeTrailer } from '../../src/index.ts'
import type { Cut } from './fragments.ts'

export const created = '2026-01-02T03:04:05.678Z'
export const identity = { volume: 'NB0001', generation: 'g-1' }

/** A header that needs nothing else. */
export function tapeHeader(fields: Partial<TapeFragmentHeader> = {}): TapeFragmentHeader {
  const blockBytes = fields.stream === undefined ? TAPE_BLOCK_BYTES : STREAM_BLOCK_BYTES
  return {
    ...{ ...identity, file: 2, block: fields.stream ?? 0, created, blockBytes },
    ...{ backupId: 'client_1700000000', client: 'client', policy: 'nightly', schedule: 'full' },
    ...{ copy: 1, fragment: 1, streamOffset: 0, startsAtMemberBoundary: true },
    ...fields,
  }
}

/** Bytes in blocks of a tape. */
export function blocksOf(bytes: Buffer): Buffer[] {
  const blocks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += TAPE_BLOCK_BYTES)
    blocks.push(bytes.subarray(at, at + TAPE_BLOCK_BYTES))
  return blocks
}

/** The sums that a trailer keeps of these blocks. */
export function sumsOf(blocks: readonly Buffer[]): Buffer {
  const sums = new BlockChecksums(TAPE_BLOCK_BYTES)
  for (const block of blocks) sums.update(block)
  return sums.finish()
}

/** A plain tape file of one fragment. */
export function fragmentFile(
  header: TapeFragmentHeader,
  payload: Buffer,
  trailer: Partial<TapeTrailer> & Pick<TapeTrailer, 'lastFragment' | 'endsAtMemberBoundary'>,
): Buffer[] {
  const first = encodeTapeFragmentHeader(header)
  const blocks = blocksOf(Buffer.concat([payload, fillAfter(payload.length, header.compression)]))
  const rest = encodeTapeTrailer({
    ...{ header: first, block: 1 + blocks.length, payloadBytes: payload.length, blocks: sumsOf(blocks) },
    ...{ image: { backupId: header.backupId }, files: [Buffer.from(`files of ${header.fragment}`)] },
    ...trailer,
  })
  return [first, ...blocks, ...rest]
}

/** Plain tape files for pieces of one stream, from file 2 on. */
export function fragmentFiles(cuts: readonly Cut[]): Buffer[][] {
  let streamOffset = 0
  return cuts.map(({ payload, startsAtMemberBoundary, endsAtMemberBoundary }, index) => {
    const header = tapeHeader({ file: 2 + index, fragment: index + 1, streamOffset, startsAtMemberBoundary })
    streamOffset += payload.length
    return fragmentFile(header, payload, { endsAtMemberBoundary, lastFragment: index === cuts.length - 1 })
  })
}

/** One multiplexed file: the streams join one block after another, take turns, and leave where they end. */
export function multiplexedFile(payloads: readonly Buffer[], file = 2): Buffer[] {
  const blocks = [encodeMultiplexHeader({ ...identity, file, created })]
  const listed: TapeStream[] = []
  const open = payloads.map((payload, index) => {
    const stream = index + 1
    const header: Buffer = Buffer.alloc(0)
    return { stream, payload, header, headerBlock: 0, places: [] as number[], at: 0 }
  })
  while (open.length > 0)
    for (const one of [...open]) {
      const { stream, payload, places } = one
      const backupId = `client_${stream}`
      if (one.headerBlock === 0) {
        one.headerBlock = blocks.length
        one.header = encodeTapeFragmentHeader(tapeHeader({ file, block: blocks.length, stream, backupId }))
        blocks.push(one.header)
      } else if (one.at < payload.length) {
        const data = payload.subarray(one.at, one.at + STREAM_BLOCK_BYTES)
        const headerChecksum = tapeBlockChecksum(one.header)
        const sequence = places.length
        places.push(blocks.length)
        blocks.push(encodeStreamBlock({ stream, sequence, headerChecksum, data }))
        one.at += data.length
      } else {
        const trailer = encodeTapeTrailer({
          ...{ header: one.header, block: blocks.length, payloadBytes: payload.length },
          ...{
            endsAtMemberBoundary: true,
            lastFragment: true,
            image: { backupId },
            files: [Buffer.from(backupId)],
          },
          ...{ places, blocks: sumsOf(places.map((place) => blocks[place] as Buffer)) },
        })
        blocks.push(...trailer)
        const { headerBlock } = one
        listed.push({ stream, backupId, copy: 1, fragment: 1, headerBlock, footerBlock: blocks.length - 1 })
        open.splice(open.indexOf(one), 1)
      }
    }
  const streams = listed.sort((a, b) => a.headerBlock - b.headerBlock)
  return [
    ...blocks,
    encodeMultiplexFooter({ ...identity, file, created, blocks: blocks.length + 1, streams }),
  ]
}

/** A whole tape: files of blocks. */
export function tapeOf(files: readonly Buffer[][]): Buffer[][] {
  const lastFooter = files.at(-1)?.at(-1)
  const end = encodeTapeEnd({
    ...{ ...identity, file: 2 + files.length, fragments: files.length, full: false, created },
    ...(lastFooter === undefined ? {} : { lastFooter: tapeBlockChecksum(lastFooter) }),
  })
  const volume = encodeTapeVolume({ ...identity, pool: 'Default', created })
  return [[encodeTapeLabel(identity.volume), volume], [encodeTapeReadme(created)], ...files, [end]]
}

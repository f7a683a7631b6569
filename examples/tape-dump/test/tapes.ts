import type { TapeDrive } from '@nb/contracts'
import {
  BlockChecksums,
  encodeMultiplexFooter,
  encodeMultiplexHeader,
  encodeStreamBlock,
  encodeTapeEnd,
  encodeTapeFragmentHeader,
  encodeTapeLabel,
  encodeTapeReadme,
  encodeTapeTrailer,
  encodeTapeVolume,
  FileListEncoder,
  fillAfter,
  FrameIndexWriter,
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  tapeBlockChecksum,
  type TapeFragmentHeader,
  type TapeStream,
} from '@nb/formats'

/** Blocks and filemarks (`null`) in their order. */
export type Objects = (Buffer | null)[]

const created = '2026-01-02T03:04:05.678Z'
const identity = { volume: 'NBT001', generation: 'g-1' }

/** The beginning of a tape: label, self-description, README. */
export function beginning(): Objects {
  const volume = encodeTapeVolume({ ...identity, barcode: 'NBT001L8', pool: 'Offsite', created })
  return [encodeTapeLabel(identity.volume), volume, null, encodeTapeReadme(created), null]
}

function headerOf(fields: Partial<TapeFragmentHeader> & { readonly file: number }): TapeFragmentHeader {
  const blockBytes = fields.stream === undefined ? TAPE_BLOCK_BYTES : STREAM_BLOCK_BYTES
  return {
    ...{ ...identity, block: 0, created, blockBytes, backupId: 'web1_1767323045', client: 'web1' },
    ...{ policy: 'nightly', schedule: 'full', copy: 1, fragment: 1, streamOffset: 0 },
    ...{ startsAtMemberBoundary: true, ...fields },
  }
}

/** A file list with these files, of 1,000 bytes each. */
function listOf(paths: readonly string[], image: string): Buffer[] {
  const encoder = new FileListEncoder({ images: [image], batchBytes: 4096 })
  const batches: (Buffer | undefined)[] = [encoder.header()]
  for (const [index, path] of [...paths].sort().entries())
    batches.push(
      encoder.add({
        ...{ path: Buffer.from(path), kind: 'file', mode: 0o640, uid: 1, gid: 1, sizeBytes: 1000 },
        ...{ mtimeNs: 1_767_323_045_000_000_000n, ctimeNs: 1_767_323_045_000_000_000n },
        ...{ identity: { device: 1n, inode: BigInt(index) }, linkCount: 1, imageIndex: 0 },
        ...{ memberOffset: index * 1536, memberBytes: 1536, flags: 0 },
      }),
    )
  batches.push(encoder.flush())
  return batches.filter((batch) => batch !== undefined)
}

function sumsOf(blocks: readonly Buffer[]): Buffer {
  const sums = new BlockChecksums(TAPE_BLOCK_BYTES)
  for (const block of blocks) sums.update(block)
  return sums.finish()
}

/** What a fragment of the tests is. */
export interface FragmentOf {
  readonly header?: Partial<TapeFragmentHeader>
  readonly paths?: readonly string[]
  readonly payloadBlocks?: number
  readonly lastFragment?: boolean
}

/** A plain tape file, and its filemark. With compression, one frame is all the payload. */
export function fragment(
  file: number,
  { header = {}, paths = ['/a'], payloadBlocks = 2, lastFragment = true }: FragmentOf = {},
): Objects {
  const whole = headerOf({ file, ...header })
  const first = encodeTapeFragmentHeader(whole)
  const { compression } = whole
  const payload = Buffer.alloc(payloadBlocks * TAPE_BLOCK_BYTES - 1024, file)
  const filled = Buffer.concat([payload, fillAfter(payload.length, compression)])
  const blocks = Array.from({ length: filled.length / TAPE_BLOCK_BYTES }, (_, at) =>
    filled.subarray(at * TAPE_BLOCK_BYTES, (at + 1) * TAPE_BLOCK_BYTES),
  )
  const frames = new FrameIndexWriter()
  if (compression !== undefined)
    frames.add({ storedBytes: payload.length, streamBytes: 4 * payload.length, startsAtMember: true })
  const trailer = encodeTapeTrailer({
    ...{ header: first, block: 1 + blocks.length, endsAtMemberBoundary: true, lastFragment },
    ...(compression === undefined
      ? { payloadBytes: payload.length }
      : { payloadBytes: 4 * payload.length, storedBytes: payload.length, frames: frames.finish() }),
    ...{ image: { backupId: whole.backupId }, files: listOf(paths, whole.backupId), blocks: sumsOf(blocks) },
  })
  return [first, ...blocks, ...trailer, null]
}

/** A multiplexed tape file of streams with one block each, and its filemark. */
export function multiplexed(file: number, backupIds: readonly string[]): Objects {
  const blocks: Buffer[] = [encodeMultiplexHeader({ ...identity, file, created })]
  const open = backupIds.map((backupId, index) => {
    const [stream, headerBlock] = [index + 1, blocks.length]
    const header = encodeTapeFragmentHeader(headerOf({ file, block: headerBlock, stream, backupId }))
    blocks.push(header)
    return { stream, headerBlock, header, backupId, place: 0 }
  })
  const data = Buffer.alloc(10_240, 7)
  for (const one of open) {
    one.place = blocks.length
    const headerChecksum = tapeBlockChecksum(one.header)
    blocks.push(encodeStreamBlock({ stream: one.stream, sequence: 0, headerChecksum, data }))
  }
  const streams = open.map(({ stream, headerBlock, header, backupId, place }): TapeStream => {
    const trailer = encodeTapeTrailer({
      ...{ header, block: blocks.length, payloadBytes: data.length, places: [place] },
      ...{ endsAtMemberBoundary: true, lastFragment: true, image: { backupId } },
      ...{ files: listOf([`/of/${backupId}`], backupId), blocks: sumsOf([blocks[place] as Buffer]) },
    })
    blocks.push(...trailer)
    return { stream, backupId, copy: 1, fragment: 1, headerBlock, footerBlock: blocks.length - 1 }
  })
  const footer = { ...identity, file, created, blocks: blocks.length + 1, streams }
  return [...blocks, encodeMultiplexFooter(footer), null]
}

/** The end behind such objects. */
export function end(
  file: number,
  before: Objects,
  fields: { readonly full?: boolean; readonly nextVolume?: string } = {},
): Objects {
  const last = before.at(-2)
  const { full = false, nextVolume } = fields
  const block = encodeTapeEnd({
    ...{ ...identity, file, fragments: file - 2, full, created },
    ...(nextVolume === undefined ? {} : { nextVolume }),
    ...(file > 2 && last ? { lastFooter: tapeBlockChecksum(last) } : {}),
  })
  return [block, null, null]
}

/** A tape with all kinds of files: two fragments of one image, a compressed one, a multiplexed file, the end. */
export function wholeTape(): Objects {
  const files = [
    ...fragment(2, { paths: ['/etc/hosts', '/etc/motd'], lastFragment: false }),
    ...fragment(3, {
      header: { fragment: 2, streamOffset: 2 * TAPE_BLOCK_BYTES - 1024, previousVolume: 'NBT000' },
      paths: ['/srv/data'],
    }),
    ...fragment(4, { header: { backupId: 'db1_1767323100', client: 'db1', compression: 'zstd' } }),
    ...multiplexed(5, ['c1_1767323200', 'c2_1767323200']),
  ]
  return [...beginning(), ...files, ...end(6, files, { full: true, nextVolume: 'NBT002' })]
}

/** Writes them through a drive that stands at the beginning. */
export async function write(drive: TapeDrive, objects: Objects): Promise<void> {
  for (const one of objects)
    await (one === null
      ? drive.writeFilemarks({ count: 1, immediate: true })
      : drive.writeBlock({ data: one }))
  await drive.writeFilemarks({ count: 0 })
}

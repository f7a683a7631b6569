import { checksumOf, checksumText } from '../../../packages/formats/src/checksum.ts'
import { storedFrameEdges } from '../../../packages/formats/src/compression/stored-frame.ts'
import { STORED_FRAME_EDGES, frameFormatOf, framedHeaderBytes } from '@nb/formats'
import type { FrameFormat } from '@nb/formats'
import { sealMember } from './fragment.ts'

const header = 8192
const footer = 4096

interface Told {
  readonly payloadBytes: number
  readonly storedBytes: number
  readonly blockBytes: number
  readonly members: readonly {
    readonly offset: number
    readonly sizeBytes: number
    readonly checksum: string
  }[]
}

/** Right edges of the stored frames, right checksums of blocks, members, header and footer of a compressed fragment. */
export function resealCompressed(input: Buffer): Buffer {
  const format = frameFormatOf(input)
  const start = input.lastIndexOf('.nb/FOOTER.json')
  if (format === undefined || start === -1 || start + footer > input.length) return input
  const { lead, tail } = STORED_FRAME_EDGES[format]
  sealMember(input, lead, header)
  const told = tellOf(input, start)
  if (told !== undefined) sealContents(input, format, told, start)
  const sum = checksumText(checksumOf(input.subarray(lead, lead + header)))
  const field = input.indexOf('"headerChecksum":"', start)
  if (field > start && field < start + footer - 40)
    input.write(sum, field + '"headerChecksum":"'.length, 'latin1')
  sealMember(input, start, footer)
  sealFrame(input, format, 0, header)
  sealFrame(input, format, start - lead, input.length - start - tail)
  return input
}

function sealContents(input: Buffer, format: FrameFormat, told: Told, start: number): void {
  const { lead, tail } = STORED_FRAME_EDGES[format]
  const payloadAt = framedHeaderBytes(format)
  const { payloadBytes, storedBytes, blockBytes, members } = told
  const frameAt = payloadAt + storedBytes
  if (!Number.isSafeInteger(frameAt) || frameAt < 0 || frameAt + lead > start - lead) return
  const shift = frameAt + lead - header - payloadBytes
  const fits = (offset: number, sizeBytes: number): boolean =>
    Number.isSafeInteger(offset) && offset >= 0 && sizeBytes >= 0 && offset + sizeBytes <= input.length
  const blocks = members.at(-1)
  if (blocks !== undefined && blockBytes >= 512 && fits(blocks.offset + shift, blocks.sizeBytes))
    for (
      let at = 0, sum = 0;
      at < storedBytes && (sum + 1) * 8 <= blocks.sizeBytes;
      at += blockBytes, sum++
    ) {
      const end = Math.min(at + blockBytes, storedBytes)
      const digest = checksumOf(input.subarray(payloadAt + at, payloadAt + end))
      input.writeBigUInt64LE(digest, blocks.offset + shift + sum * 8)
    }
  for (const { offset, sizeBytes, checksum } of members) {
    if (!fits(offset + shift, sizeBytes)) continue
    const sum = checksumText(checksumOf(input.subarray(offset + shift, offset + shift + sizeBytes)))
    const at = input.indexOf(`"checksum":"${checksum}"`, start)
    if (at !== -1) input.write(sum, at + '"checksum":"'.length, 'latin1')
  }
  sealFrame(input, format, frameAt, start - lead - tail - (frameAt + lead))
}

function sealFrame(input: Buffer, format: FrameFormat, at: number, contentBytes: number): void {
  const { lead } = STORED_FRAME_EDGES[format]
  if (at < 0 || contentBytes < 256 || contentBytes > 65_024 || at + lead + contentBytes > input.length) return
  const edges = storedFrameEdges(format, [input.subarray(at + lead, at + lead + contentBytes)])
  edges.lead.copy(input, at)
  edges.tail.copy(input, at + lead + contentBytes)
}

function tellOf(input: Buffer, start: number): Told | undefined {
  try {
    const told = JSON.parse(input.toString('utf8', start + 512, start + footer)) as Told
    const isUsable =
      Array.isArray(told.members) && told.members.every((member) => typeof member === 'object' && member)
    return isUsable ? told : undefined
  } catch {
    return undefined
  }
}

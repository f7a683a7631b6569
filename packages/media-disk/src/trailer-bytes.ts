import type { OpenFile } from '@nb/contracts'
import {
  FormatError,
  type FragmentFooter,
  HEADER_BYTES,
  STORED_FRAME_BYTES,
  STORED_FRAME_EDGES,
  framedHeaderBytes,
  storedFrameContent,
} from '@nb/formats'
import { readExactly } from './read-exactly.ts'

/** Reads pieces of a trailer by the offsets that its footer gives: those of the fragment when it is decompressed. */
export type TrailerBytes = (offset: number, byteLength: number) => Promise<Buffer>

/** Of a compressed fragment the trailer stands in frames as it is: they are checked and left out. */
export function trailerBytes(file: OpenFile, footer: FragmentFooter): TrailerBytes {
  const { compression, payloadBytes, storedBytes, members } = footer
  if (compression === undefined) return (offset, byteLength) => readExactly(file, offset, byteLength)
  const begin = HEADER_BYTES + payloadBytes
  const last = members.at(-1)
  const end = last === undefined ? begin : roundedUp(last.offset + last.sizeBytes)
  const { lead, tail } = STORED_FRAME_EDGES[compression]
  const framesAt = framedHeaderBytes(compression) + storedBytes
  let known: { readonly index: number; readonly content: Buffer } | undefined

  async function frame(index: number): Promise<Buffer> {
    if (known?.index === index) return known.content
    const offset = index * STORED_FRAME_BYTES
    const length = lead + Math.min(STORED_FRAME_BYTES, end - begin - offset) + tail
    const at = framesAt + index * (STORED_FRAME_BYTES + lead + tail)
    const content = storedFrameContent(compression ?? 'zstd', await readExactly(file, at, length), at)
    known = { index, content }
    return content
  }

  return async (offset, byteLength) => {
    if (offset < begin || offset + byteLength > end)
      throw new FormatError('FRAGMENT_INVALID', offset, 'A part of the trailer lies outside it')
    const bytes = Buffer.allocUnsafe(byteLength)
    for (let done = 0; done < byteLength;) {
      const at = offset - begin + done
      const content = await frame(Math.floor(at / STORED_FRAME_BYTES))
      done += content.copy(bytes, done, at % STORED_FRAME_BYTES)
    }
    return bytes
  }
}

function roundedUp(offset: number): number {
  return Math.ceil(offset / 512) * 512
}

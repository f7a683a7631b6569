import type { OpenFile } from '@nb/contracts'
import { FormatError } from '@nb/formats'

/** Reads bytes that the length of the file promises. */
export async function readExactly(file: OpenFile, position: number, byteLength: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(byteLength)
  const count = await file.read(bytes, position)
  if (count < byteLength)
    throw new FormatError('FRAGMENT_TRUNCATED', position + count, 'The file ends too early')
  return bytes
}

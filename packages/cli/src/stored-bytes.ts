import type { ImageCopy } from '@nb/contracts'

/** Bytes of an archive that a copy takes on its medium, compressed or not. */
export function storedBytesOf({ fragments }: ImageCopy): number {
  return fragments.reduce((sum, { streamBytes, storedBytes }) => sum + (storedBytes ?? streamBytes), 0)
}

import { type Compression, type ImageCopy, type SingleAllocation, counted, formatBytes } from '@nb/contracts'
import type { BlockRing } from './block-ring.ts'

/** `12.3 MiB in 4.5 s (2.7 MiB/s)`. */
export function rateOf(bytes: number, durationMs: number): string {
  const seconds = durationMs / 1000
  const rate = seconds > 0 ? ` (${formatBytes(bytes / seconds)}/s)` : ''
  return `${formatBytes(bytes)} in ${seconds.toFixed(1)} s${rate}`
}

/** `12.3 MiB are stored as 4.5 MiB by zstd, ratio 2.73`; `undefined` of what is not compressed. */
export function compressionOf(
  compression: Compression | undefined,
  copy: Pick<ImageCopy, 'fragments'> | undefined,
): string | undefined {
  if (compression === undefined || copy === undefined) return undefined
  let streamBytes = 0
  let storedBytes = 0
  for (const fragment of copy.fragments) {
    streamBytes += fragment.streamBytes
    storedBytes += fragment.storedBytes ?? fragment.streamBytes
  }
  const ratio = storedBytes > 0 ? `, ratio ${(streamBytes / storedBytes).toFixed(2)}` : ''
  return `${formatBytes(streamBytes)} are stored as ${formatBytes(storedBytes)} by ${compression}${ratio}`
}

/** The two wait counters, as job details show them. */
export function waitsOf({ waitedForFull, waitedForEmpty }: BlockRing): string {
  return `waited for full buffer ${counted(waitedForFull, 'time')}, for empty buffer ${counted(waitedForEmpty, 'time')}`
}
/** `1:02:05`. */
export function clockTime(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

/** What is mounted, as an operator calls it. */
export function mediumOf({ storageUnit, medium }: SingleAllocation): string {
  if (medium.kind === 'disk') return `storage unit ${storageUnit}`
  return `volume ${medium.volumeId} in drive ${medium.drive} of storage unit ${storageUnit}`
}

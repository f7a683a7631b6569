import type { DataRegion } from '@nb/formats'

/** The two questions that find a file's holes; see `Posix.seekData`. */
export interface HoleSeeker {
  seekData(position: number): number | undefined
  seekHole(position: number): number | undefined
}

/**
 * Data regions of a file, `undefined` when it has no hole. A file in more than `maxRegions` pieces has its nearest
 * neighbours joined: the zeros between them are stored, the content stays the same.
 */
export function findDataRegions(
  sizeBytes: number,
  seeker: HoleSeeker,
  maxRegions: number,
): readonly DataRegion[] | undefined {
  let regions: DataRegion[] = []
  let joinGap = 0
  for (let at = 0; at < sizeBytes;) {
    const start = seeker.seekData(at)
    if (start === undefined || start >= sizeBytes) break
    const end = Math.min(seeker.seekHole(start) ?? sizeBytes, sizeBytes)
    if (end <= start) break
    pushJoining(regions, { offset: start, length: end - start }, joinGap)
    while (regions.length > maxRegions) {
      joinGap = Math.max(joinGap * 2, 4096)
      regions = joinRegions(regions, joinGap)
    }
    at = end
  }
  const [only] = regions
  if (regions.length === 1 && only?.offset === 0 && only.length === sizeBytes) return undefined
  return regions
}

function joinRegions(regions: readonly DataRegion[], gap: number): DataRegion[] {
  const joined: DataRegion[] = []
  for (const region of regions) pushJoining(joined, region, gap)
  return joined
}

function pushJoining(regions: DataRegion[], region: DataRegion, gap: number): void {
  const last = regions.at(-1)
  if (last !== undefined && region.offset - (last.offset + last.length) <= gap) {
    regions[regions.length - 1] = { offset: last.offset, length: region.offset + region.length - last.offset }
  } else regions.push(region)
}

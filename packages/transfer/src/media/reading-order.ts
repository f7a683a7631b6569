import type { FragmentRecord, ImageCopy } from '@nb/contracts'
import type { Range } from './range-list.ts'

/** Ranges of an image that are read one after the other: those of the list from `from` to before `to`. */
export interface Leg {
  readonly imageIndex: number
  readonly from: number
  readonly to: number
  /** The volumes that hold them, in order; none for a disk. More than one: a range crosses from each to the next. */
  readonly volumes: readonly string[]
}

interface PlacedLeg extends Leg {
  /** Where it begins on its first volume: the number of the tape file. */
  readonly filemark: number
}

/**
 * In which order ranges of images are read so that each volume is mounted once where that can be, and read from its beginning to its end. A
 * range is whole members and is read in one piece: one that crosses to another volume comes last on its own, and what else is wanted of the
 * next one is read behind it. Where several ranges cross from the same volume it has to be mounted again for each.
 */
export function readingOrder(
  copies: readonly Pick<ImageCopy, 'fragments'>[],
  rangesOf: (imageIndex: number) => Iterable<Range>,
): readonly Leg[] {
  const waiting = new Set(
    copies
      .flatMap(({ fragments }, imageIndex) => legsOf(fragments, rangesOf(imageIndex), imageIndex))
      .sort((a, b) => a.filemark - b.filemark),
  )
  const order: Leg[] = []
  const take = (leg: PlacedLeg): void => {
    waiting.delete(leg)
    const { imageIndex, from, to, volumes } = leg
    order.push({ imageIndex, from, to, volumes })
  }
  for (let at = startOf(waiting); waiting.size > 0; at ??= startOf(waiting)) {
    const here = [...waiting].filter(({ volumes }) => (volumes[0] ?? '') === at)
    for (const leg of here) if (leg.volumes.length < 2) take(leg)
    const crossing = here.find(({ volumes }) => volumes.length > 1)
    if (crossing !== undefined) take(crossing)
    at = crossing?.volumes.at(-1)
  }
  return order
}

/** A volume that no range crosses to, where there is one: what crosses to a volume is read before what is on it. */
function startOf(waiting: ReadonlySet<PlacedLeg>): string | undefined {
  const reached = new Set([...waiting].flatMap(({ volumes }) => volumes.slice(1)))
  const firsts = [...waiting].map(({ volumes }) => volumes[0] ?? '')
  return firsts.find((volume) => !reached.has(volume)) ?? firsts[0]
}

/** The ranges of an image by the tape files in which they lie; all together for a disk, which has no places. */
function legsOf(
  fragments: readonly FragmentRecord[],
  ranges: Iterable<Range>,
  imageIndex: number,
): PlacedLeg[] {
  const isTape = fragments.some(({ volumeId }) => volumeId !== undefined)
  const legs: (PlacedLeg & { to: number; readonly key: string })[] = []
  let index = 0
  let at = 0
  for (const { offset, bytes } of ranges) {
    at = isTape ? fragmentAt(fragments, offset, at) : 0
    const last = isTape ? fragmentAt(fragments, offset + bytes - 1, at) : 0
    const key = `${at} ${last}`
    const before = legs.at(-1)
    // Of those that cross from a tape file to another each is by itself.
    if (before?.key === key && at === last) before.to = index + 1
    else {
      const volumes = isTape ? volumesOf(fragments.slice(at, last + 1)) : []
      legs.push({
        imageIndex,
        from: index,
        to: index + 1,
        volumes,
        filemark: fragments[at]?.filemark ?? 0,
        key,
      })
    }
    index += 1
  }
  return legs
}

/** The index of the fragment with a byte; the last one where none has it, which reading then tells. */
function fragmentAt(fragments: readonly FragmentRecord[], offset: number, from: number): number {
  let at = from
  while (at < fragments.length - 1 && offset >= endOf(fragments[at])) at += 1
  return at
}

function endOf(fragment: FragmentRecord | undefined): number {
  return fragment === undefined ? 0 : fragment.streamOffset + fragment.streamBytes
}

/** The volumes of these fragments in order, each once where they follow one another. */
function volumesOf(fragments: readonly FragmentRecord[]): readonly string[] {
  const volumes: string[] = []
  for (const { volumeId, streamBytes } of fragments)
    if (volumeId !== undefined && streamBytes > 0 && volumes.at(-1) !== volumeId) volumes.push(volumeId)
  return volumes
}

import type { FragmentRecord, ImageCopy } from '@nb/contracts'
import type { PlannedSource, RestoreGroup } from './restore-group.ts'

/** Whether data of a copy lies on volumes. */
export function isOnTape({ fragments }: Pick<ImageCopy, 'fragments'>): boolean {
  return fragments.some(({ volumeId }) => volumeId !== undefined)
}

/** Which fragments of copies on tape hold what is wanted, by image. */
export class WantedFragments {
  readonly #copies: ReadonlyMap<string, ImageCopy>
  readonly #numbers: Map<string, Set<number>> = new Map()

  constructor(copies: ReadonlyMap<string, ImageCopy>) {
    this.#copies = copies
  }

  /** Marks the fragments with a member. Members come mostly in order, so that the last fragment is most often the one. */
  add(backupId: string, memberOffset: number, memberBytes: number): void {
    const copy = this.#copies.get(backupId)
    if (copy === undefined || memberBytes === 0) return
    const numbers = this.#numbers.get(backupId) ?? new Set()
    this.#numbers.set(backupId, numbers)
    const { fragments } = copy
    for (let at = indexAt(fragments, memberOffset); at < fragments.length; at++) {
      const fragment = fragments[at] as FragmentRecord
      if (fragment.streamOffset >= memberOffset + memberBytes) break
      if (fragment.streamBytes > 0) numbers.add(fragment.number)
    }
  }

  of(backupId: string): readonly FragmentRecord[] {
    const numbers = this.#numbers.get(backupId)
    return this.#copies.get(backupId)?.fragments.filter(({ number }) => numbers?.has(number) === true) ?? []
  }
}

/** The index of the fragment that holds a byte. */
function indexAt(fragments: readonly FragmentRecord[], offset: number): number {
  let low = 0
  let high = fragments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const { streamOffset, streamBytes } = fragments[middle] as FragmentRecord
    if (streamOffset + streamBytes <= offset) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Groups the sources of a tape storage unit: those that share a volume are read in one session, which goes from volume to volume; others are a
 * group of their own, so that steps 5–16 repeat for each. What wants no data goes with the first.
 */
export function tapeGroups(
  place: Pick<RestoreGroup, 'mediaServer' | 'storageUnit'>,
  sources: readonly PlannedSource[],
): readonly RestoreGroup[] {
  const groups: { sources: PlannedSource[]; volumes: Set<string> }[] = []
  const without: PlannedSource[] = []
  for (const source of sources) {
    const volumes = volumesOf(source)
    if (volumes.length === 0) {
      without.push(source)
      continue
    }
    const joined = { sources: [source], volumes: new Set(volumes) }
    for (const group of groups.filter((each) => volumes.some((volume) => each.volumes.has(volume)))) {
      groups.splice(groups.indexOf(group), 1)
      joined.sources.unshift(...group.sources)
      joined.volumes = new Set([...group.volumes, ...joined.volumes])
    }
    groups.push(joined)
  }
  if (groups.length === 0) return without.length === 0 ? [] : [{ ...place, sources: without, volumes: [] }]
  groups[0]?.sources.unshift(...without)
  return groups.map(({ sources: of, volumes }) => ({ ...place, sources: of, volumes: [...volumes] }))
}

/** The volumes that hold what is wanted of a source, in order. */
function volumesOf({ needed = [] }: PlannedSource): readonly string[] {
  return [...new Set(needed.flatMap(({ volumeId }) => (volumeId === undefined ? [] : [volumeId])))]
}

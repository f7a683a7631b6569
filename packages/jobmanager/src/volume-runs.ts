import type { FragmentRecord } from '@nb/contracts'

/** Fragments of a copy that follow one another on one volume; of a copy on disk all. */
export interface VolumeRun {
  readonly volumeId?: string
  readonly fragments: readonly FragmentRecord[]
}

/** The fragments of a copy by the volumes on which they lie, in their order: a copy that comes back to a volume has it twice. */
export function volumeRuns(fragments: readonly FragmentRecord[]): readonly VolumeRun[] {
  const runs: { volumeId?: string; fragments: FragmentRecord[] }[] = []
  for (const fragment of fragments) {
    const { volumeId } = fragment
    const last = runs.at(-1)
    if (last !== undefined && last.volumeId === volumeId) last.fragments.push(fragment)
    else runs.push({ ...(volumeId === undefined ? {} : { volumeId }), fragments: [fragment] })
  }
  return runs
}

/** What is needed to read a volume of a storage unit, or its disk. */
export function needToRead(
  storageUnit: string,
  volumeId: string | undefined,
): { readonly kind: 'read'; readonly storageUnit: string; readonly volumeId?: string } {
  return { kind: 'read', storageUnit, ...(volumeId === undefined ? {} : { volumeId }) }
}

import type { Volume } from '@nb/contracts'
import type { TapeContent } from '@nb/formats'

/** What the media manager knows of a volume, as far as its label goes. */
export type KnownVolume = Pick<Volume, 'volumeId' | 'assignedAt' | 'generation'>

/** What is to be done with a tape that was put in for a volume. */
export type LabelVerdict =
  /** It is the volume, in this generation. */
  | { readonly do: 'use'; readonly generation: string; readonly labelledAt: string }
  /** It is to be labelled as the volume, and may be. */
  | { readonly do: 'label' }
  /** It is not to be used: why, as a sentence that goes on from "Volume X". `freeze` where nobody is to write to it before a person has looked. */
  | { readonly do: 'refuse'; readonly why: string; readonly freeze: boolean }

/**
 * Judges what was found on the tape that the library calls `volume`. What may hold something that nobody told us of is never written over
 * unasked: only a blank tape is labelled, and one of ours of which the media manager says that no image is on it.
 */
export function judgeLabel(volume: KnownVolume, found: TapeContent, purpose: 'read' | 'write'): LabelVerdict {
  const { volumeId, assignedAt, generation } = volume
  const refuse = (why: string, freeze = true): LabelVerdict => ({ do: 'refuse', why, freeze })
  const isEmpty = assignedAt === undefined
  if (found.kind === 'nb') {
    const { volume: labelled, generation: onTape, created } = found.volume
    if (labelled !== volumeId) return refuse(`has the label of volume ${labelled}`)
    if (onTape === generation || (generation === undefined && !isEmpty))
      return { do: 'use', generation: onTape, labelledAt: created }
    if (!isEmpty)
      return refuse(
        `was labelled anew by somebody else (generation ${onTape}, known is ${generation ?? 'none'})`,
      )
    return purpose === 'write' ? { do: 'label' } : { do: 'use', generation: onTape, labelledAt: created }
  }
  if (found.kind === 'blank' && isEmpty)
    return purpose === 'write' ? { do: 'label' } : refuse('is blank, nothing can be read from it', false)
  return refuse(describeContent(found))
}

/** What is on a tape, as the end of a sentence "Volume X …". */
export function describeContent(found: TapeContent): string {
  switch (found.kind) {
    case 'nb':
      return `has the label of volume ${found.volume.volume}`
    case 'nb-damaged':
      return 'has a label of ours that is damaged'
    case 'nb-newer':
      return 'was labelled by a newer version'
    case 'foreign':
      return `holds something that is not ours (${found.writer}${found.volumeId === undefined ? '' : `, volume ${found.volumeId}`})`
    case 'blank':
      return 'is blank, though images should be on it'
    case 'unreadable':
      return "can't be read at its beginning"
  }
}

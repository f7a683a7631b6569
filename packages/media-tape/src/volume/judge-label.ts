import type { Volume } from '@nb/contracts'
import type { TapeContent } from '@nb/formats'

/** What the media manager knows of a volume, as far as its label goes. */
export type KnownVolume = Pick<Volume, 'volumeId' | 'assignedAt' | 'generation' | 'files'>

/** What is to be done with a tape that was put in for a volume. */
export type LabelVerdict =
  /** It is the volume, in this generation. */
  | {
      readonly do: 'use'
      readonly generation: string
      readonly labelledAt: string
      /** Of the key with which it is encrypted. */
      readonly keyLabel?: string
    }
  /** It is to be labelled as the volume, and may be: with `ifEmpty` only where nothing was ever written behind its label. */
  | { readonly do: 'label'; readonly ifEmpty?: true }
  /** It is not to be used: why, as a sentence that goes on from "Volume X". `freeze` where nobody is to write to it before a person has looked. */
  | { readonly do: 'refuse'; readonly why: string; readonly freeze: boolean }

/**
 * Judges what was found on the tape that the library calls `volume`. What may hold something that nobody told us of is never written over
 * unasked: only a blank tape is labelled, one of ours whose images the media manager knows to be gone, and one of ours on which nothing was ever
 * written. A tape of ours that the media manager doesn't know may hold the only copies of images of a catalog that was lost.
 */
export function judgeLabel(volume: KnownVolume, found: TapeContent, purpose: 'read' | 'write'): LabelVerdict {
  const { volumeId, assignedAt, generation, files } = volume
  const refuse = (why: string, freeze = true): LabelVerdict => ({ do: 'refuse', why, freeze })
  const isEmpty = assignedAt === undefined
  if (found.kind === 'nb') {
    const { volume: labelled, generation: onTape, created, keyLabel } = found.volume
    if (labelled !== volumeId) return refuse(`has the label of volume ${labelled}`)
    const ofKey = keyLabel === undefined ? {} : { keyLabel }
    const use = { do: 'use', generation: onTape, labelledAt: created, ...ofKey } as const
    if (!isEmpty) {
      if (onTape === generation || generation === undefined) return use
      return refuse(`was labelled anew by somebody else (generation ${onTape}, known is ${generation})`)
    }
    if (purpose === 'read' || (onTape === generation && files !== undefined)) return use
    return onTape === generation ? { do: 'label' } : { do: 'label', ifEmpty: true }
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

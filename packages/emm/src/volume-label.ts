import { NbError, type Volume } from '@nb/contracts'
import type { Change, InventoryView } from './inventory.ts'
import { requireVolume } from './known-volume.ts'

/** What is known of a volume's label, and of the tape files behind it. */
type Label = Pick<Volume, 'generation' | 'labelledAt' | 'files'>

/** A volume of whose label nothing is known. */
function withoutLabel<Some extends Label>(volume: Some): Omit<Some, keyof Label> {
  const { generation: _g, labelledAt: _l, files: _f, ...rest } = volume
  return rest
}

/**
 * A volume whose images have gone: its label is known still, so that nobody else's is taken for it, but what stands behind it counts no more.
 */
export function withExpiredLabel<Some extends Label>(volume: Some): Omit<Some, 'files'> {
  const { files: _f, ...rest } = volume
  return rest
}

/** A volume with the label of another description of it. */
export function withLabelOf(volume: Volume, of: Label | undefined): Volume {
  const { generation, labelledAt, files } = of ?? {}
  return {
    ...withoutLabel(volume),
    ...(generation === undefined ? {} : { generation }),
    ...(labelledAt === undefined ? {} : { labelledAt }),
    ...(files === undefined ? {} : { files }),
  }
}

/** The changes of a label that the hardware has confirmed. Throws `not-found`, `state-conflict`. */
export function recordLabel(
  view: InventoryView,
  volumeId: string,
  generation: string,
  labelledAt: number,
): Change[] {
  const volume = requireVolume(view, volumeId)
  if (volume.generation === generation && volume.labelledAt === labelledAt) return []
  if (volume.generation === generation) return [volumeChange({ ...volume, labelledAt })]
  if (volume.generation !== undefined && volume.assignedAt !== undefined)
    throw conflict(volume, `has images in generation ${volume.generation}, so it can't be in ${generation}`)
  return [volumeChange({ ...withoutLabel(volume), generation, labelledAt })]
}

/** The changes of tape files that are whole. Throws `not-found`, `state-conflict`. */
export function recordFiles(
  view: InventoryView,
  volumeId: string,
  generation: string,
  files: number,
): Change[] {
  const volume = requireVolume(view, volumeId)
  if (volume.generation !== generation)
    throw conflict(volume, `is in ${generationOf(volume)}, so files of ${generation} are not on it`)
  return files > (volume.files ?? 0) ? [volumeChange({ ...volume, files })] : []
}

/**
 * The changes of where a volume is kept. The one that was noted in the same slot is somewhere else. Throws `not-found`.
 */
export function recordPlace(
  view: InventoryView,
  volumeId: string,
  robot: string | undefined,
  slot: number | undefined,
): Change[] {
  const volume = requireVolume(view, volumeId)
  if (volume.robot === robot && volume.slot === slot) return []
  const { robot: _r, slot: _s, ...rest } = volume
  const kept = {
    ...rest,
    ...(robot === undefined ? {} : { robot }),
    ...(slot === undefined ? {} : { slot }),
  }
  return [...(slot === undefined ? [] : displaced(view, volumeId, robot, slot)), volumeChange(kept)]
}

function displaced(view: InventoryView, volumeId: string, robot: string | undefined, slot: number): Change[] {
  return [...view.volumes.values()]
    .filter((other) => other.slot === slot && other.robot === robot && other.volumeId !== volumeId)
    .map(({ slot: _before, ...other }) => volumeChange(other))
}

const generationOf = ({ generation }: Volume): string =>
  generation === undefined ? 'no known generation' : `generation ${generation}`

const volumeChange = (value: Volume): Change => ({ table: 'volumes', key: value.volumeId, value })

const conflict = ({ volumeId }: Volume, why: string): NbError =>
  new NbError('state-conflict', `volume ${volumeId} ${why}`, { details: { volumeId } })

import { NbError, type Volume, type VolumeState } from '@nb/contracts'
import { imageKey, unlisted } from './image-table.ts'
import type { Change, InventoryView } from './inventory.ts'
import type { ImageOnVolume } from './image-table.ts'
import { isWornOut } from './volume-index.ts'
import { requireVolume } from './known-volume.ts'
import { withExpiredLabel } from './volume-label.ts'

/** The changes that put an image on a volume: the first assigns it. None when it is there as it is. */
export function assignImage(
  view: InventoryView,
  volumeId: string,
  backupId: string,
  image: ImageOnVolume,
  now: number,
): Change[] {
  const volume = requireVolume(view, volumeId)
  const key = imageKey(volumeId, backupId)
  const known = view.images.get(key)
  if (known?.retentionLevel === image.retentionLevel && known.multiplexed === image.multiplexed) return []
  const changes: Change[] = [{ table: 'images', key, value: image }]
  const adds = known === undefined && volume.assignedAt !== undefined
  const alike = volume.retentionLevel === image.retentionLevel && volume.multiRetention !== true
  if (adds && alike && (image.multiplexed !== true || volume.multiplexed === true)) return changes
  const after = new Map(view.images.onVolume(volumeId)).set(backupId, image)
  const assigned = withImages({ ...volume, assignedAt: volume.assignedAt ?? now }, after)
  if (!sameContent(volume, assigned)) changes.push({ table: 'volumes', key: volumeId, value: assigned })
  return changes
}

/** The changes that take an image off a volume; the last unassigns it. */
function unassignFrom(view: InventoryView, volumeId: string, backupId: string): Change[] {
  const volume = view.volumes.get(volumeId)
  const key = imageKey(volumeId, backupId)
  if (volume === undefined || view.images.get(key) === undefined) return []
  const changes: Change[] = [{ table: 'images', key, value: undefined }]
  const images = view.images.onVolume(volumeId)
  if (images.size === 1) {
    // A frozen volume stays as it is until a person says otherwise.
    if (volume.state !== 'frozen') changes.push(volumeChange(unassigned(view, volume)))
  } else if (volume.multiRetention === true || volume.multiplexed === true) {
    const after = new Map(images)
    after.delete(backupId)
    const left = withImages(volume, after)
    if (!sameContent(volume, left)) changes.push(volumeChange(left))
  }
  return changes
}

/** The changes that take an image off one volume, or off all it is on. */
export function unassignImage(view: InventoryView, backupId: string, volumeId?: string): Change[] {
  const volumes = view.images.volumesOf(backupId).filter((id) => volumeId === undefined || id === volumeId)
  return volumes.flatMap((id) => unassignFrom(view, id, backupId))
}

/**
 * A volume without images: new again, to be labelled anew, unless it is too old or worn out. It goes back to the scratch pool that
 * it came from, except while a job holds it, which is about to write for the pool it is in.
 */
function unassigned(view: InventoryView, volume: Volume): Volume {
  const { assignedAt: _a, retentionLevel: _r, multiRetention: _m, multiplexed: _x, ...rest } = volume
  const { state, stateReason, scratchPool, ...bare } = rest
  const held = view.holds.onVolume(volume.volumeId).size > 0
  // A job that holds it has found it full: it takes no more of other jobs before it is given back.
  const stays = state === 'expired' || state === 'frozen' || (held && state === 'full')
  const next = isWornOut(volume) ? wornOut(volume) : { state: 'active' as const }
  const returns = !held && returnsToScratch(view, volume)
  return {
    // A job that holds it may have written behind this label what no image tells of yet.
    ...(held ? bare : withExpiredLabel(bare)),
    ...(stays ? { state, ...(stateReason === undefined ? {} : { stateReason }) } : next),
    ...(scratchPool === undefined ? {} : returns ? { pool: scratchPool } : { scratchPool }),
  }
}

/** Whether the pool that a volume came from is a scratch pool still. */
const returnsToScratch = (view: InventoryView, { scratchPool }: Volume): boolean =>
  scratchPool !== undefined && view.pools.get(scratchPool)?.scratch === true

/** What a volume is that was mounted as often as allowed. */
export const wornOut = ({
  mounts,
  maxMounts,
}: Volume): { readonly state: 'expired'; readonly stateReason: string } => ({
  state: 'expired',
  stateReason: `mounted ${mounts} of ${maxMounts ?? mounts} times`,
})

/** Volumes in these states take no more until their images have gone; so there must be some, or a job about to write some. */
const needImages: readonly VolumeState[] = ['full', 'frozen', 'suspended']

/** The changes that give a volume another state by a person's or a job's word. Throws `not-found`, `state-conflict`. */
export function setVolumeState(
  view: InventoryView,
  volumeId: string,
  state: VolumeState,
  reason: string | undefined,
  now: number,
): Change[] {
  const volume = requireVolume(view, volumeId)
  const held = view.holds.onVolume(volumeId).size > 0
  const images = view.images.onVolume(volumeId).size
  if (needImages.includes(state) && images === 0 && !held && volume.state !== state)
    throw conflict(volumeId, `has no images and no job uses it, so it cannot be ${state}`)
  // One that is frozen or suspended takes no more already, and for longer: that it has no room besides ends none of it.
  if (state === 'full' && volume.state !== 'active') return []
  // One that was frozen when its last image went is still assigned: it is not any more once a person lets it go.
  const endsAssignment = images === 0 && volume.assignedAt !== undefined && state !== 'frozen'
  const said = inState(volume, state, reason)
  if (state !== 'active')
    return [volumeChange(endsAssignment ? inState(unassigned(view, said), state, reason) : said)]
  if (isWornOut(volume))
    throw conflict(
      volumeId,
      `was mounted ${volume.mounts} of ${volume.maxMounts} times; raise maxMounts first`,
    )
  if (volume.expiresAt !== undefined && volume.expiresAt <= now)
    throw conflict(volumeId, 'is too old; set a later expiresAt first')
  if (endsAssignment) return [volumeChange(unassigned(view, said))]
  // What was frozen before an image was kept on it is as new, too.
  const isAsNew = volume.state !== 'active' && volume.assignedAt === undefined && !held
  return [volumeChange(isAsNew ? withExpiredLabel(said) : said)]
}

/** A volume in another state, with that state's reason. */
export function inState(volume: Volume, state: VolumeState, reason: string | undefined): Volume {
  const { stateReason: _before, ...rest } = volume
  return { ...rest, state, ...(reason === undefined ? {} : { stateReason: reason }) }
}

/** The changes that make volumes expired whose medium is too old by now. */
export const expireTooOld = (view: InventoryView, now: number): Change[] =>
  [...view.writable.tooOld(now)].map((volume) =>
    volumeChange(inState(volume, 'expired', 'the medium is too old to be written to')),
  )

/**
 * The changes that the last giving back of a volume brings: while nothing is kept on it, it is as new, whatever jobs have written. One that they
 * marked full or suspended takes data again, from its beginning; what takes data is back in the scratch pool that it was taken from.
 */
export function givenBack(view: InventoryView, volumeId: string): Change[] {
  const volume = view.volumes.get(volumeId)
  if (volume === undefined || volume.assignedAt !== undefined) return []
  const isStopped = volume.state === 'full' || volume.state === 'suspended'
  const { state, stateReason } = isWornOut(volume)
    ? wornOut(volume)
    : { state: 'active' as const, stateReason: undefined }
  const open = isStopped ? inState(volume, state, stateReason) : volume
  const { scratchPool, ...own } = open
  const returns = open.state === 'active' && returnsToScratch(view, open)
  if (!isStopped && !returns && volume.files === undefined) return []
  return [
    volumeChange(
      withExpiredLabel(scratchPool !== undefined && returns ? { ...own, pool: scratchPool } : open),
    ),
  ]
}

/** A volume with what its images say: the level of the first of them, whether there are several, whether any is interleaved. */
function withImages(volume: Volume, images: ReadonlyMap<string, ImageOnVolume>): Volume {
  const { retentionLevel, multiRetention: _m, multiplexed: _x, ...rest } = volume
  const levels = new Set([...images.values()].map((image) => image.retentionLevel))
  const [first] = levels
  const kept = retentionLevel !== undefined && levels.has(retentionLevel) ? retentionLevel : first
  const interleaved = [...images.values()].some(({ multiplexed }) => multiplexed === true)
  return {
    ...rest,
    ...(kept === undefined ? {} : { retentionLevel: kept }),
    ...(levels.size > 1 ? { multiRetention: true } : {}),
    ...(interleaved ? { multiplexed: true } : {}),
  }
}

const sameContent = (a: Volume, b: Volume): boolean =>
  a.assignedAt === b.assignedAt &&
  a.retentionLevel === b.retentionLevel &&
  a.multiRetention === b.multiRetention &&
  a.multiplexed === b.multiplexed

const volumeChange = (value: Volume): Change => ({ table: 'volumes', key: value.volumeId, value })

const conflict = (volumeId: string, why: string): NbError =>
  new NbError('state-conflict', `volume ${volumeId} ${why}`, { details: { volumeId } })

/** The images that are known one by one, by id. */
export const listedImages = (view: InventoryView, volumeId: string): readonly string[] =>
  [...view.images.onVolume(volumeId).keys()].filter((id) => id !== unlisted).sort()

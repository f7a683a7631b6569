import type { ImageRecord } from '@nb/contracts'
import { imagesHeldBy } from './index-keys.ts'

/** Which images end, in this order, and which are held. */
export interface ExpiryPlan {
  /** Those that need others come before those they need, so that at no moment a kept image lacks data. */
  readonly expire: readonly string[]
  readonly held: readonly string[]
}

/**
 * Which of the due images may end. One that a kept image needs is held, and so is what that one needs in turn:
 * a held image still has to be browsable and whole.
 *
 * @param due - images whose time has come
 * @param neededBy - for each due image, the images that need it, due ones among them
 */
export function planExpiry(
  due: readonly ImageRecord[],
  neededBy: ReadonlyMap<string, readonly string[]>,
): ExpiryPlan {
  const byId = new Map(due.map((image) => [image.backupId, image]))
  const held = new Set<string>()
  const hold = due
    .map(({ backupId }) => backupId)
    .filter((id) => (neededBy.get(id) ?? []).some((other) => !byId.has(other)))
  for (let id = hold.pop(); id !== undefined; id = hold.pop()) {
    if (held.has(id)) continue
    held.add(id)
    const image = byId.get(id)
    if (image !== undefined) hold.push(...imagesHeldBy(image).filter((needed) => byId.has(needed)))
  }
  return {
    expire: dependantsFirst(due.filter(({ backupId }) => !held.has(backupId))),
    held: [...held].sort(),
  }
}

function dependantsFirst(images: readonly ImageRecord[]): string[] {
  const byId = new Map(images.map((image) => [image.backupId, image]))
  const neededFirst = new Set<string>()
  const visiting = new Set<string>()
  // Depth first without recursion: chains of incrementals can be long.
  const stack = images.map((image) => ({ image, entered: false }))
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    const { image, entered } = step
    if (entered) neededFirst.add(image.backupId)
    if (entered || visiting.has(image.backupId)) continue
    visiting.add(image.backupId)
    stack.push({ image, entered: true })
    for (const needed of imagesHeldBy(image)) {
      const other = byId.get(needed)
      if (other !== undefined) stack.push({ image: other, entered: false })
    }
  }
  return [...neededFirst].reverse()
}

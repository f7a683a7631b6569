import { type ImageRecord, type Path, pathToBytes } from '@nb/contracts'
import { isWithin } from '@nb/formats'

/** Whether a user asked for it: a tree of its own beside those of the policy. */
export function isByUser({ scheduleType }: Pick<ImageRecord, 'scheduleType'>): boolean {
  return scheduleType === 'user-backup' || scheduleType === 'user-archive'
}

/** Names the tree that an image is of: the policy's one, or that of what a user selected. */
export function treeOf(image: ImageRecord): string {
  const { policy, scheduleType, selections } = image
  return JSON.stringify(isByUser(image) ? [policy, scheduleType, selections] : [policy])
}

/** An image's selections as lists begin with them: without empty and `.` names. One that climbs is in no list. */
export function selectionsOf({ selections }: Pick<ImageRecord, 'selections'>): Buffer[] {
  return selections.flatMap((path) => {
    const names = path.split('/').filter((name) => name !== '' && name !== '.')
    if (!path.startsWith('/') || names.includes('..')) return []
    return [pathToBytes(`/${names.join('/')}` as Path)]
  })
}

/** Whether each of the paths lies at or below one of the selections. */
export function covers(selections: readonly Buffer[], paths: readonly Buffer[]): boolean {
  return paths.every((path) => selections.some((top) => isWithin(path, top)))
}

/**
 * The selections for which each image answers: its own, but for those that lie at or below a selection of a newer tree, which
 * knows a later state of all that is there. Inside one tree none is left out.
 *
 * @param images - newest first; a tree is as new as its newest image
 */
export function claimsOf(images: readonly ImageRecord[]): Buffer[][] {
  const order = [...new Set(images.map(treeOf))]
  const claims = images.map((image) => ({
    rank: order.indexOf(treeOf(image)),
    selections: selectionsOf(image),
  }))
  return claims.map(({ rank, selections }) => {
    const newer = claims.flatMap((other) => (other.rank < rank ? other.selections : []))
    return selections.filter((top) => !covers(newer, [top]))
  })
}

/** Puts together the trees that know the newest state of all that lies at or below some paths. */
export class TreeJoin {
  readonly #paths: readonly Buffer[]
  readonly #selections: Buffer[] = []
  readonly #images: ImageRecord[] = []

  constructor(paths: readonly Buffer[]) {
    this.#paths = paths
  }

  /** Of all trees that were put in. */
  get images(): readonly ImageRecord[] {
    return this.#images
  }

  /** Whether no older tree knows anything more: every path is at or below a selection. */
  get isComplete(): boolean {
    return covers(this.#selections, this.#paths)
  }

  /** Puts a tree in, unless those before, which are newer, know all that it does. */
  add(images: readonly ImageRecord[]): void {
    const selections = images.flatMap(selectionsOf)
    const knowsMore = selections.some(
      (top) =>
        !covers(this.#selections, [top]) &&
        this.#paths.some((path) => isWithin(top, path) || isWithin(path, top)),
    )
    if (!knowsMore) return
    this.#images.push(...images)
    this.#selections.push(...selections)
  }
}

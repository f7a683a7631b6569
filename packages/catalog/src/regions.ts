import { comparePaths, isWithin } from '@nb/formats'

/**
 * A directory with all below it, as far as it belongs to one image of a tree; what lies inside and belongs to others is
 * in `inner`. Regions in path order cover a tree without a gap and without overlap.
 */
export interface Region {
  readonly top: Buffer
  /** Number of the image; `undefined` where no selection reaches. */
  readonly owner: number | undefined
  /** Inside `top`, in path order, none inside another. */
  readonly inner: readonly Region[]
}

interface OpenRegion extends Region {
  readonly inner: OpenRegion[]
}

const root = Buffer.from('/')

/**
 * Who a path belongs to: the image with the nearest selection at or above it, the first of the images where several have
 * that selection. The nearest, since a file system that is a stream of its own lies inside another one whose selection
 * holds it too, though its backup does not enter it.
 *
 * @param selections - of each image, the newest image first
 */
export function regionsOf(selections: readonly (readonly Buffer[])[]): Region {
  const claims = selections.flatMap((paths, owner) => paths.map((top) => ({ top, owner })))
  claims.sort((a, b) => comparePaths(a.top, b.top) || a.owner - b.owner)
  const whole: OpenRegion = { top: root, owner: undefined, inner: [] }
  const path = [whole]
  for (const { top, owner } of claims) {
    while (path.length > 1 && !isWithin(top, (path.at(-1) as OpenRegion).top)) path.pop()
    const around = path.at(-1) as OpenRegion
    // Of the same top the newest has come before.
    if (around.owner !== undefined && around.top.equals(top)) continue
    const region: OpenRegion = { top, owner, inner: [] }
    around.inner.push(region)
    path.push(region)
  }
  const [only] = whole.inner
  return only?.top.equals(root) === true ? only : whole
}

/** The part of a region at a path and below. */
export function regionAt(region: Region, path: Buffer): Region {
  let around = region
  for (;;) {
    const nearer: Region | undefined = around.inner.find(({ top }) => isWithin(path, top))
    if (nearer === undefined) break
    around = nearer
  }
  return { top: path, owner: around.owner, inner: around.inner.filter(({ top }) => isWithin(top, path)) }
}

/** The images that a region and what is inside belong to. */
export function ownersOf({ owner, inner }: Region): Set<number> {
  return new Set([
    ...(owner === undefined ? [] : [owner]),
    ...inner.flatMap((region) => [...ownersOf(region)]),
  ])
}

/** A stretch of a region that belongs to one image: at and below `top`, beyond `after` and all below it, before `before`. */
export interface Stretch {
  readonly owner: number
  readonly top: Buffer
  readonly after?: Buffer
  readonly before?: Buffer
}

/** The stretches of a region and of those inside it, in path order. */
export function* stretchesOf({ top, owner, inner }: Region): Generator<Stretch, void, undefined> {
  let after: Buffer | undefined
  for (const region of inner) {
    if (owner !== undefined)
      yield { owner, top, before: region.top, ...(after === undefined ? {} : { after }) }
    yield* stretchesOf(region)
    after = region.top
  }
  if (owner !== undefined) yield { owner, top, ...(after === undefined ? {} : { after }) }
}

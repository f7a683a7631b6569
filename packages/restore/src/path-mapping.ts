import {
  type Path,
  type RestoreTarget,
  NbError,
  displayPath,
  pathFromBytes,
  pathToBytes,
} from '@nb/contracts'

/** Where a backed-up path lands, relative to the restore's root and beginning with `/` (`/` is the root itself). */
export type PathMapping = (path: Buffer) => Buffer

const slash = 0x2f
const root = Buffer.from('/')

/**
 * The mapping of a target: `strip` comes off the front, then the longest matching rename replaces its part.
 * Paths are bytes, compared whole component by whole component.
 * @throws NbError `argument-invalid` for a target that is not absolute, climbs with `..`, or renames one path twice;
 * the mapping itself throws it for a selected path outside `strip`
 */
export function pathMapping(target: RestoreTarget): PathMapping {
  if (target.kind === 'original') return (path) => path
  checkAbsolute('target.directory', target.directory)
  const strip = target.strip === undefined ? root : checkAbsolute('target.strip', target.strip)
  const renames = (target.rename ?? []).map(({ from, to }, index) => ({
    from: checkAbsolute(`target.rename[${index}].from`, from),
    to: checkAbsolute(`target.rename[${index}].to`, to),
  }))
  checkOneEach(renames)
  renames.sort((a, b) => b.from.length - a.from.length)
  return (path) => {
    const below = withoutFront(path, strip)
    if (below === undefined) throw outsideStrip(strip, path)
    for (const { from, to } of renames) {
      const rest = withoutFront(below, from)
      if (rest !== undefined) return join(to, rest)
    }
    return below
  }
}

/** Whether a mapping keeps the order of paths, so that a sorted list stays sorted. */
export function keepsOrder(target: RestoreTarget): boolean {
  return target.kind === 'original' || (target.rename ?? []).length === 0
}

/** What a mapping that keeps the order takes off the front of every path: `/` for nothing. */
export function commonFront(target: RestoreTarget): Buffer {
  return target.kind === 'original' || target.strip === undefined
    ? root
    : checkAbsolute('target.strip', target.strip)
}

/** The bytes of an absolute path without `.`, `..`, empty components and NUL; a slash at the end is taken off. */
export function checkAbsolute(field: string, path: Path): Buffer {
  const text = path.length > 1 && path.endsWith('/') ? (path.slice(0, -1) as Path) : path
  const components = text.slice(1).split('/')
  const bad = components.some((name) => name === '..' || name === '.' || (name === '' && text !== '/'))
  if (!text.startsWith('/') || bad || text.includes('\0')) {
    throw new NbError(
      'argument-invalid',
      `${field} must be an absolute path without "." and "..", not "${displayPath(path)}"`,
      { details: { field } },
    )
  }
  return pathToBytes(text)
}

/** What is left of `path` below `front`, beginning with `/`; `undefined` when it is not `front` or below it. */
function withoutFront(path: Buffer, front: Buffer): Buffer | undefined {
  if (front.length === 1) return path
  if (path.length < front.length || path.compare(front, 0, front.length, 0, front.length) !== 0)
    return undefined
  if (path.length === front.length) return root
  return path[front.length] === slash ? path.subarray(front.length) : undefined
}

function join(front: Buffer, rest: Buffer): Buffer {
  if (front.length === 1) return rest
  return rest.length === 1 ? front : Buffer.concat([front, rest])
}

function checkOneEach(renames: readonly { readonly from: Buffer }[]): void {
  const seen = new Set<string>()
  for (const { from } of renames) {
    const key = from.toString('latin1')
    if (seen.has(key)) {
      throw new NbError(
        'argument-invalid',
        `target.rename names ${displayPath(pathFromBytes(from))} twice; give each path one new name`,
        { details: { field: 'target.rename' } },
      )
    }
    seen.add(key)
  }
}

function outsideStrip(strip: Buffer, path: Buffer): NbError {
  const [front, found] = [strip, path].map((bytes) => displayPath(pathFromBytes(bytes)))
  return new NbError(
    'argument-invalid',
    `target.strip ${front} is not in front of ${found}; select paths below it, or restore them in a request of their own`,
    { details: { field: 'target.strip' } },
  )
}

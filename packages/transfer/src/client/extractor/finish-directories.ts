import { comparePaths } from '@nb/formats'
import { descriptorPath, type Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import type { WarningSink } from '../warning.ts'
import { applyAttributes, type RestorableAttributes } from './apply-attributes.ts'
import type { DeferredDirectory } from './extraction-state.ts'
import type { RefusalTally } from './refusal-tally.ts'
import type { TargetDirectories } from './target-directories.ts'
import { targetNames } from './target-path.ts'
import { isUnfinishedDirectory, withoutMark } from './unfinished-directory.ts'

/** What the directories of a restore are finished with. */
export interface FinishingParts {
  readonly posix: Posix
  readonly target: TargetDirectories
  readonly warn: WarningSink
  readonly refusals: RefusalTally
}

/**
 * Gives the directories of a restore their attributes, the deepest first, since writing into one changes it again; those of which
 * nothing is known but that they were missing above something keep to their owner.
 */
export function finishDirectories(
  parts: FinishingParts,
  found: { readonly directories: readonly DeferredDirectory[]; readonly made: Set<string> },
): void {
  const { posix, target, refusals } = parts
  const { directories, made } = found
  const known = new Map<Buffer, RestorableAttributes>(
    directories.map(({ path, attributes }) => [Buffer.from(path), attributes]),
  )
  eachDeepestFirst(parts, known.keys(), (path, pathFd) => {
    const attributes = revived(known.get(path) as RestorableAttributes)
    // One that was there before may have ACLs of its own.
    const isMade = made.delete(path.toString('latin1'))
    const hasAcl = !isMade || target.mayHaveInheritedAcl()
    applyAttributes(posix, { pathFd, isOwnDirectory: isMade }, attributes, hasAcl, refusals.forPath(path))
  })
  const others: Buffer[] = [...made].map((path) => Buffer.from(path, 'latin1'))
  eachDeepestFirst(parts, others, (_path, pathFd) => {
    const stat = posix.statFd(pathFd)
    if (isUnfinishedDirectory(stat)) posix.chmodPath(descriptorPath(pathFd), withoutMark(stat.mode))
  })
}

function eachDeepestFirst(
  { target, warn }: FinishingParts,
  paths: Iterable<Buffer>,
  finish: (path: Buffer, pathFd: number) => void,
): void {
  for (const path of [...paths].sort((a, b) => comparePaths(b, a))) {
    try {
      const names = targetNames(path)
      if (typeof names !== 'string') finish(path, target.open(names, { make: false }))
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw error
      const text = `its attributes could not be restored: ${(error as Error).message}`
      warn({ severity: 'warning', path, code, text })
    }
  }
}

/** Attributes that came from another thread have plain byte arrays where buffers were. */
function revived(attributes: RestorableAttributes): RestorableAttributes {
  const { xattrs } = attributes
  if (xattrs === undefined) return attributes
  return {
    ...attributes,
    xattrs: xattrs.map(({ name, value }) => ({ name: Buffer.from(name), value: Buffer.from(value) })),
  }
}

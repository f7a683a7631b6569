import type { Posix } from '../../posix/posix.ts'
import { errnoCodeOf } from '../../posix/posix-error.ts'
import { kindOfMode } from '../entry-kind.ts'
import { targetExists } from './installer.ts'
import type { PlanIndex } from './plan-index.ts'
import type { TargetDirectories } from './target-directories.ts'
import { targetNames } from './target-path.ts'

/** Looks, before anything is written, for what may not be replaced. Throws `target-exists`. */
export function checkNothingExists({
  posix,
  plan,
  target,
}: {
  readonly posix: Pick<Posix, 'find'>
  readonly plan: PlanIndex
  readonly target: TargetDirectories
}): void {
  const existing: Buffer[] = []
  for (let entry = 0; entry < plan.count; entry++) {
    const { path, isDirectory } = plan.target(entry)
    const names = targetNames(path)
    const name = typeof names === 'string' ? undefined : names.at(-1)
    if (typeof names === 'string' || name === undefined) continue
    try {
      const found = posix.find(target.open(names.slice(0, -1), { make: false }), name)
      if (found !== undefined && !(isDirectory && kindOfMode(found.mode) === 'directory')) existing.push(path)
    } catch (error) {
      const code = errnoCodeOf(error)
      if (code === undefined) throw error
      // Nothing is below what is not there. What is no directory was or will be found itself, where it is planned.
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error
    }
  }
  if (existing.length > 0) throw targetExists(existing)
}

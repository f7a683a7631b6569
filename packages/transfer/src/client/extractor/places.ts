import type { Outcomes } from './outcomes.ts'
import type { PlannedTarget } from './plan-index.ts'
import type { OpenDirectory, TargetDirectories } from './target-directories.ts'
import { lastTargetName, targetNames } from './target-path.ts'

/** A target that passed all checks, with its directory open. */
export interface Place {
  readonly target: PlannedTarget
  readonly directory: OpenDirectory
  readonly name: Buffer
}

/** Leads from targets to where they are made. */
export class Places {
  readonly #directories: TargetDirectories
  readonly #outcomes: Outcomes

  constructor(directories: TargetDirectories, outcomes: Outcomes) {
    this.#directories = directories
    this.#outcomes = outcomes
  }

  /** Checks a target and opens its directory. `undefined`: it was refused and told. */
  of(target: PlannedTarget): Place | 'root' | undefined {
    const directories = this.#directories
    let name: Buffer | string
    let names: readonly Buffer[] = []
    if (directories.isNeighbour(target.path)) name = lastTargetName(target.path)
    else {
      const found = targetNames(target.path)
      if (typeof found !== 'string' && found.length === 0) return 'root'
      if (typeof found !== 'string') names = found
      name = typeof found === 'string' ? found : (names.at(-1) as Buffer)
    }
    if (typeof name === 'string') {
      this.#outcomes.refused(target, 'TARGET_UNSAFE', `its target path ${name}: it is not restored`)
      return undefined
    }
    return { target, directory: directories.openParent(target.path, () => names), name }
  }
}

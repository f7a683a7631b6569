import type { ArchiveMember } from '@nb/formats'
import type { RestorableAttributes } from './apply-attributes.ts'
import type { DeferredDirectory } from './extraction-state.ts'
import { finishDirectories, type FinishingParts } from './finish-directories.ts'
import type { IfExists, Installer } from './installer.ts'
import type { Outcomes } from './outcomes.ts'
import type { Places } from './places.ts'
import type { PlannedTarget } from './plan-index.ts'
import { targetNames } from './target-path.ts'

/** What they are made with. */
export interface RestoredDirectoriesParts extends FinishingParts {
  readonly installer: Installer
  readonly ifExists: IfExists
  readonly places: Places
  readonly outcomes: Outcomes
}

/** The directories of a restore: made before what is in them, and given their attributes when all that is there. */
export class RestoredDirectories {
  readonly #parts: RestoredDirectoriesParts
  readonly #made: Set<string>
  readonly #deferred: DeferredDirectory[]

  /**
   * @param made - target paths of those that a restore has made and not finished, one character for each byte
   * @param deferred - those of earlier groups whose attributes are still to be set
   */
  constructor(parts: RestoredDirectoriesParts, made: Set<string>, deferred: readonly DeferredDirectory[]) {
    this.#parts = parts
    this.#made = made
    this.#deferred = [...deferred]
  }

  /** Makes one, unless it is there. */
  make(target: PlannedTarget): void {
    const place = this.#parts.places.of(target)
    if (place === undefined || place === 'root') return
    if (this.#parts.installer.makeDirectory(place.directory.fd, place.name, target.path) === 'made')
      this.#made.add(target.path.toString('latin1'))
  }

  /** Keeps the attributes of one for later. */
  take(target: PlannedTarget, member: ArchiveMember): void {
    const { ifExists, outcomes } = this.#parts
    const names = targetNames(target.path)
    if (typeof names === 'string') return
    const isOurs = names.length === 0 || this.#made.has(target.path.toString('latin1'))
    if (!isOurs && ifExists === 'skip') {
      outcomes.skipped(target)
      return
    }
    // Whether it is one, after all, is seen when its attributes are set.
    const { mode, uid, gid, mtimeNs, atimeNs, xattrs, aclAccess, aclDefault } = member
    const attributes: RestorableAttributes = {
      mode,
      uid,
      gid,
      mtimeNs,
      ...(atimeNs === undefined ? {} : { atimeNs }),
      ...(xattrs === undefined ? {} : { xattrs }),
      ...(aclAccess === undefined ? {} : { aclAccess }),
      ...(aclDefault === undefined ? {} : { aclDefault }),
    }
    this.#deferred.push({ path: Buffer.from(target.path), attributes })
    outcomes.restored(target)
  }

  /** Sets the attributes of all. */
  finish(): void {
    finishDirectories(this.#parts, { directories: this.#deferred, made: this.#made })
  }

  /** For the next group. */
  get state(): { readonly directories: readonly DeferredDirectory[]; readonly made: readonly string[] } {
    return { directories: this.#deferred, made: [...this.#made] }
  }
}

import type { CallOptions, Catalog } from '@nb/contracts'
import { type BackupsOf, type KnownBackups, type Told, lastBackups } from './last-backups.ts'

/**
 * What a task was told by the catalog, so that it reads only the images that came since when it asks again. It asks for
 * all of them when the policy or the streams changed, when an image expired, when a run's image is not known by name, and
 * after `recheckMs`: images may be removed, or come, without its doing. Of that it sees at once what concerns the newest.
 */
export class BackupMemory {
  readonly #catalog: Pick<Catalog, 'listImages'>
  readonly #recheckMs: number
  #of: BackupsOf | undefined
  #told: Told | undefined
  /** When it asked for all. */
  #askedAt = 0
  /** The images of runs that ended since it asked. */
  #since: readonly string[] = none

  constructor(catalog: Pick<Catalog, 'listImages'>, recheckMs: number) {
    this.#catalog = catalog
    this.#recheckMs = recheckMs
  }

  /** When it asks for all again, at the latest. */
  get recheckAt(): number {
    return this.#askedAt + this.#recheckMs
  }

  /** A run has ended, with this image if it is known. */
  ended(backupId: string | undefined): void {
    if (backupId === undefined) this.#told = undefined
    else this.#since = this.#since.length === 0 ? [backupId] : [...this.#since, backupId]
  }

  /** When each schedule last succeeded, for each stream. Not to be called again before it has answered. */
  ask(of: BackupsOf, now: number, options: CallOptions): Promise<readonly KnownBackups[]> {
    const told = this.#holds(of, now) ? this.#told : undefined
    const before = told === undefined ? undefined : { told, since: this.#since }
    return lastBackups(this.#catalog, of, before, options).then((answer) => {
      if (before === undefined) this.#askedAt = now
      this.#of = of
      this.#told = answer
      this.#since = none
      return answer.backups
    })
  }

  #holds({ policy, streams }: BackupsOf, now: number): boolean {
    const { policy: known, streams: before } = this.#of ?? {}
    if (known !== policy || before?.length !== streams.length) return false
    if (streams !== before && !streams.every(({ name }, at) => name === before[at]?.name)) return false
    if (now < this.#askedAt || now >= this.recheckAt) return false
    return this.#told?.backups.every(({ expiresAt }) => expiresAt > now) === true
  }
}

const none: readonly string[] = []

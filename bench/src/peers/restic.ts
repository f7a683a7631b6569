import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Measurement } from '../alternate.ts'
import { runMeasured, runToEnd } from '../measured-process.ts'

/** A repository of restic, without compression; restic always encrypts. Its cache lies on the same disk. */
export class ResticRepository {
  readonly #folder: string
  readonly #options: readonly string[]

  /** @param work - a folder on a disk; all of restic's lies below it */
  constructor(work: string) {
    this.#folder = join(work, 'restic')
    const [repository, cache] = [join(this.#folder, 'repository'), join(this.#folder, 'cache')]
    // The password of a repository that lives for one bench.
    const password = ['--password-command', 'echo bench']
    this.#options = ['-r', repository, '--cache-dir', cache, ...password, '--compression', 'off', '-q']
  }

  /** Makes it anew, empty. */
  async init(): Promise<void> {
    this.remove()
    mkdirSync(this.#folder, { recursive: true })
    await runToEnd('restic', [...this.#options, 'init', '--repository-version', '2'])
  }

  /** Backs a folder up, compared with the last backup of it where there is one. */
  backUp(folder: string): Promise<Measurement> {
    return runMeasured(['restic', ...this.#options, 'backup', folder])
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

import { NbError } from '@nb/contracts'

/**
 * Which images get a further copy now. Two jobs would give it the same number, and a clean-up must not take what one of them is writing
 * for what a killed one has left.
 */
export class CopiesInWork {
  /** The job of each. */
  readonly #jobs = new Map<string, string>()
  /** The clean-ups that look at one. */
  readonly #looks = new Map<string, Promise<unknown>>()

  /** Does what makes a copy, after a clean-up that looks at the image. Rejects with `state-conflict` while another job does so. */
  async make<Result>(backupId: string, jobId: string, work: () => Promise<Result>): Promise<Result> {
    const other = this.#jobs.get(backupId)
    if (other !== undefined)
      throw new NbError(
        'state-conflict',
        `job ${other} is making a copy of image ${backupId}; try again after it`,
        { details: { backupId, jobId: other } },
      )
    this.#jobs.set(backupId, jobId)
    try {
      await this.#looks.get(backupId)
      return await work()
    } finally {
      this.#jobs.delete(backupId)
    }
  }

  /** Does something while no copy of the image is made, unless one is made now. Answers whether it was done. */
  async whileNone(backupId: string, work: () => Promise<void>): Promise<boolean> {
    if (this.#jobs.has(backupId) || this.#looks.has(backupId)) return false
    const look = work()
    this.#looks.set(
      backupId,
      look.catch(() => undefined),
    )
    try {
      await look
      return true
    } finally {
      this.#looks.delete(backupId)
    }
  }
}

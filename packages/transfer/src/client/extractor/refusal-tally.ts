import { counted } from '@nb/contracts'
import type { WarningSink } from '../warning.ts'
import type { AttributeRefusal } from './apply-attributes.ts'

const LISTED = 10

/**
 * Tells of attributes that could not be set, without a line for each of a hundred thousand files: of every kind of
 * refusal the first ten are named, and the rest is counted at the end. Owners that only root may give are one line.
 */
export class RefusalTally {
  readonly #warn: WarningSink
  readonly #counts = new Map<string, number>()

  constructor(warn: WarningSink) {
    this.#warn = warn
  }

  /** Takes the refusals of one entry. */
  forPath(path: Buffer): AttributeRefusal {
    return (attribute, code) => {
      const key = `${attribute}: ${code}`
      const count = (this.#counts.get(key) ?? 0) + 1
      this.#counts.set(key, count)
      if (count > LISTED || isOwnerRight(key)) return
      this.#warn({
        severity: 'warning',
        path: Buffer.from(path),
        code,
        text: `its ${attribute} could not be restored (${code})`,
      })
    }
  }

  /** Tells the counts of what was not listed. */
  finish(): void {
    for (const [key, count] of this.#counts) {
      const path = Buffer.from('/')
      if (isOwnerRight(key)) {
        const text = `${counted(count, 'entry', 'entries')} stayed with whoever restored: only root may give files away`
        this.#warn({ severity: 'warning', path, code: 'EPERM', text })
      } else if (count > LISTED) {
        const code = key.slice(key.lastIndexOf(' ') + 1)
        const text = `${counted(count - LISTED, 'more entry', 'more entries')} could not be given their ${key}`
        this.#warn({ severity: 'warning', path, code, text })
      }
    }
    this.#counts.clear()
  }
}

function isOwnerRight(key: string): boolean {
  return key === 'owner: EPERM'
}

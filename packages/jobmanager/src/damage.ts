import { type NbError, asNbError } from '@nb/contracts'
import type { JobRecord } from './job-record.ts'
import { isJobId } from './store-keys.ts'
import { corrupt, parseRecord } from './stored-record.ts'

/** What was found damaged in a jobs database, each key once. */
export class Damage {
  readonly #found: NbError[] = []
  readonly #tell: (key: string, message: string) => void

  /** `tell` is told of each key once. */
  constructor(tell: (key: string, message: string) => void) {
    this.#tell = tell
  }

  get found(): readonly NbError[] {
    return this.#found
  }

  /** The record that is stored at a key; `undefined` for one that can't be read, which is noted. */
  parse(key: string, text: string, spec?: string): JobRecord | undefined {
    try {
      return parseRecord(key, text, spec)
    } catch (error) {
      this.note(asNbError(error, 'store-corrupt'))
      return undefined
    }
  }

  /** The stored counter of jobs; 0 for one that can't be read, which is noted. */
  parseCounter(stored: string | undefined): number {
    if (stored === undefined) return 0
    if (isJobId(stored)) return Number(stored)
    const why = `the counter of jobs is ${JSON.stringify(stored)}; it goes on after the last job`
    this.note(corrupt('lastId', why))
    return 0
  }

  /** Notes and gives back what something stored can't be read for. */
  note(error: NbError): NbError {
    const key = error.details['key'] as string
    if (!this.#found.some((known) => known.details['key'] === key)) {
      this.#found.push(error)
      this.#tell(key, error.message)
    }
    return error
  }
}

import { NbError } from '@nb/contracts'
import { AbstractLevel } from 'abstract-level'
import { Level } from 'level'

/** What a database of the `abstract-level` family implements to be written. */
interface Writes {
  _put(...input: unknown[]): Promise<void>
  _del(...input: unknown[]): Promise<void>
  _batch(...input: unknown[]): Promise<void>
  _clear(...input: unknown[]): Promise<void>
  _chainedBatch(): unknown
}

const written = Level.prototype as unknown as Writes
const family = AbstractLevel.prototype as unknown as Writes

/**
 * A Level database that takes no write after one has failed.
 *
 * LevelDB goes on after a failed append, on a full disk for one, and acknowledges what follows as synced. But that
 * lies behind a torn record, where the next start's reading of the log ends: all of it would be lost. Closing and
 * opening again makes a new log; until then nothing is acknowledged here.
 */
export class CautiousLevel extends Level<string, string> {
  readonly #onFailure: (error: NbError) => void
  #failure: NbError | undefined

  /** `onFailure` is told of the first failed write. */
  constructor(location: string, onFailure: (error: NbError) => void) {
    super(location)
    this.#onFailure = onFailure
  }

  /** @internal */
  _put(...input: unknown[]): Promise<void> {
    return this.#write('_put', input)
  }

  /** @internal */
  _del(...input: unknown[]): Promise<void> {
    return this.#write('_del', input)
  }

  /** @internal */
  _batch(...input: unknown[]): Promise<void> {
    return this.#write('_batch', input)
  }

  /** @internal */
  _clear(...input: unknown[]): Promise<void> {
    return this.#write('_clear', input)
  }

  /** @internal Of the family's own kind, which writes through {@link _batch}. */
  _chainedBatch(): unknown {
    return family._chainedBatch.call(this)
  }

  async #write(call: Exclude<keyof Writes, '_chainedBatch'>, input: unknown[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      await written[call].apply(this, input)
    } catch (cause) {
      if (this.#failure === undefined) {
        this.#failure = failureOf(this.location, cause as Error)
        this.#onFailure(this.#failure)
      }
      throw this.#failure
    }
  }
}

function failureOf(location: string, cause: Error): NbError {
  const full = /no space left|disk quota/i.test(cause.message)
  return new NbError(
    full ? 'disk-full' : 'store-failed',
    `the database ${location} could not be written and takes no further writes until it is opened again: ${cause.message}`,
    {
      cause,
      details: { location },
      ...(full
        ? {
            remedy:
              'Free space on its disk, and start the server again unless a service manager does: it goes on as after a crash, and jobs that were under way end with a true status.',
          }
        : {}),
    },
  )
}

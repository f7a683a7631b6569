import { type ClientAgent, type JobProgress, NbError, type RestoredBefore, isAbortError } from '@nb/contracts'
import type { BlockRing } from './block-ring.ts'
import type { Session } from './session.ts'

/** The job's progress is sent at most this often. */
const INTERVAL_MS = 250
/** A client that has failed may take so long to tell how far it came. */
const LAST_STATE_MS = 2000

/** Tells the job manager how far the session is, a few times a second. */
export class ProgressSender {
  readonly #session: Session
  readonly #ring: BlockRing
  readonly #before: RestoredBefore
  readonly #reading = new AbortController()
  #lastSentAt = Number.NEGATIVE_INFINITY
  #latest: JobProgress = { files: 0, bytes: 0 }

  /** @param before - what sessions of the same job before this one have done, which counts with what this one does */
  constructor(session: Session, ring: BlockRing, before: RestoredBefore = { files: 0, bytes: 0 }) {
    this.#session = session
    this.#ring = ring
    this.#before = before
  }

  /** Follows a client's run until it ends or {@link ProgressSender.stop}. Progress is a courtesy: its failures fail nothing. */
  async follow(client: ClientAgent, runId: string): Promise<void> {
    const { signal, silence, host } = this.#session
    try {
      const options = { signal: AbortSignal.any([signal, this.#reading.signal]) }
      let lastScriptMs: number | undefined
      for await (const { files, bytes, currentPath, scriptMs } of client.progress({ runId }, options)) {
        const moved =
          files !== this.#latest.files || bytes !== this.#latest.bytes || scriptMs !== lastScriptMs
        lastScriptMs = scriptMs
        if (moved || currentPath !== this.#latest.currentPath) silence.touch()
        this.#latest = { files, bytes, ...(currentPath === undefined ? {} : { currentPath }) }
        if (host.clock.now() - this.#lastSentAt >= INTERVAL_MS) await this.#send()
      }
    } catch (error) {
      if (!isAbortError(error) && !signal.aborted)
        host.logger.error('session %s: no progress: %o', this.#session.info.sessionId, error)
    }
  }

  /**
   * Sends how far the client had come when its run failed: what a restore has written by then stays. The run is over, so
   * its last state is told at once; a client that is gone tells nothing.
   */
  async finishFailed(client: ClientAgent, runId: string): Promise<void> {
    this.stop()
    const { host } = this.#session
    const limit = new AbortController()
    const cancel = host.clock.setTimer(LAST_STATE_MS, () => limit.abort())
    try {
      for await (const { files, bytes } of client.progress({ runId }, { signal: limit.signal }))
        this.#latest = { files, bytes }
      await this.#send()
    } catch (error) {
      host.logger(
        'session %s: how far run %s came is not known: %o',
        this.#session.info.sessionId,
        runId,
        error,
      )
    } finally {
      cancel()
    }
  }

  /** Sends how much was on the medium when there was no more room: the next try looks for more than that. */
  async finishFull(writtenBytes: number): Promise<void> {
    this.stop()
    this.#latest = { ...this.#latest, bytes: Math.max(this.#latest.bytes, writtenBytes) }
    await this.#send()
  }

  /** Sends the end state. */
  async finish(files: number, bytes: number): Promise<void> {
    this.stop()
    this.#latest = { files, bytes }
    await this.#send()
  }

  stop(): void {
    this.#reading.abort()
  }

  async #send(): Promise<void> {
    const { info, host } = this.#session
    this.#lastSentAt = host.clock.now()
    const progress = {
      ...this.#latest,
      files: this.#before.files + this.#latest.files,
      bytes: this.#before.bytes + this.#latest.bytes,
      waitedForFullBuffer: this.#ring.waitedForFull,
      waitedForEmptyBuffer: this.#ring.waitedForEmpty,
    }
    try {
      await host.jobs.progress({ sessionId: info.sessionId, jobId: info.jobId, progress })
    } catch (error) {
      // A manager that does not know the session will never ask for its result.
      if (error instanceof NbError && error.code === 'session-unknown') this.#session.fail(error)
      else host.logger.error('session %s: progress was not taken: %o', info.sessionId, error)
    }
  }
}

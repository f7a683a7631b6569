import {
  type Allocation,
  type Catalog,
  type ClientAgent,
  type Clock,
  type DataChannels,
  type FlowStep,
  type JobLog,
  type JobLogLine,
  type JobSessions,
  type Json,
  type Logger,
  type MediaAnswer,
  type MediaNeed,
  type MediaStore,
  NbError,
  type SessionInfo,
  asNbError,
} from '@nb/contracts'
import type { SpaceReporter } from './space-reporter.ts'
import type { VolumeWaits } from './volume-waits.ts'
import { type SilenceWatch, watchSilence } from './silence-watch.ts'

/** What every session of a media server works with. */
export interface SessionHost {
  readonly name: string
  readonly jobs: JobSessions
  readonly catalog: Catalog
  readonly channels: DataChannels
  readonly clock: Clock
  readonly log: JobLog
  readonly logger: Logger
  /** Throws `storage-unit-unknown`. */
  readonly storeOf: (storageUnit: string) => MediaStore
  /** Throws `client-unknown`. */
  readonly clientOf: (client: string) => ClientAgent
  /** The verifications and copies that wait for their next volume. */
  readonly volumeWaits: VolumeWaits
  readonly bufferBlocks: number
  readonly blockBytes: number
  readonly clientTimeoutMs: number
  readonly mostFileListBytes: number
  /** Tells how much room there is. Never rejects. */
  readonly tellSpace: SpaceReporter['tell']
}

type SessionComponent = 'media-session' | 'media-writer' | 'media-reader'

/** A line for the job's log. */
export interface SessionNote {
  /** Number in the flow, for the line that tells of a step. */
  readonly step?: number
  readonly component: SessionComponent
  readonly text: string
  readonly severity?: JobLogLine['severity']
  readonly data?: Readonly<Record<string, Json>>
}

interface MediaWait {
  readonly resolve: (answer: MediaAnswer) => void
  answered: boolean
}

/**
 * One session: it runs until its work is done or until something fails. The first failure is the session's; it
 * aborts the signal that every part of the session listens to, and what fails because of that changes nothing.
 */
export class Session {
  readonly info: SessionInfo
  readonly host: SessionHost
  /** Whose files it moves. */
  readonly client: string
  readonly silence: SilenceWatch
  readonly #controller = new AbortController()
  readonly #tasks = new Set<Promise<unknown>>()
  #failure: NbError | undefined
  #endedBy: NbError | undefined
  /** By request; those that are answered stay, since an answer may come twice. */
  readonly #media: Map<string, MediaWait> = new Map()
  #mediaRequests = 0

  constructor(host: SessionHost, info: SessionInfo, client: string) {
    this.host = host
    this.info = info
    this.client = client
    const onSilence = (error: NbError): void => void this.fail(error)
    this.silence = watchSilence({ clock: host.clock, client, timeoutMs: host.clientTimeoutMs, onSilence })
  }

  /** Aborts at the first failure. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Why the session fails, once it does. */
  get failure(): NbError | undefined {
    return this.#failure
  }

  /** What it was ended with from outside, where that is why it fails. */
  get endedBy(): NbError | undefined {
    return this.#endedBy
  }

  /** Ends it from outside, unless it fails already. */
  end(error: NbError): void {
    if (this.#failure !== undefined) return
    this.#endedBy = error
    this.fail(error)
  }

  /** Makes the session fail, unless it has already; gives the failure that counts. */
  fail(error: unknown): NbError {
    if (this.#failure === undefined) {
      this.#failure = asNbError(error)
      this.#controller.abort(this.#failure)
    }
    return this.#failure
  }

  /** Runs something beside: its failure is the session's. Awaiting the result gives it, or the failure. */
  task<T>(work: Promise<T>): Promise<T> {
    const guarded = work.catch((error: unknown) => {
      throw this.fail(error)
    })
    this.#tasks.add(guarded)
    guarded.catch(() => undefined).finally(() => this.#tasks.delete(guarded))
    return guarded
  }

  /** Resolves when nothing runs beside any more. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.allSettled(this.#tasks)
  }

  /** Writes a line into the job's log. A line that cannot be written is not worth the job: it goes to the debug log. */
  async note({ step, component, text, severity = 'info', data }: SessionNote): Promise<void> {
    const { clock, log, logger } = this.host
    const { kind } = this.info
    const flow: FlowStep | undefined =
      step === undefined || kind === 'removal' ? undefined : { flow: kind, number: step }
    const line = {
      time: clock.now(),
      component,
      severity,
      text,
      ...(flow === undefined ? {} : { step: flow }),
      ...(data === undefined ? {} : { data }),
    }
    try {
      await log.append({ jobId: this.info.jobId, lines: [line] })
    } catch (error) {
      logger.error('session %s: a line was lost (%s): %o', this.info.sessionId, text, error)
    }
  }

  /**
   * Asks the job manager for a medium and waits for its answer, however long jobs may queue. Copies that are written at once may ask at the
   * same time.
   */
  async requestMedia(need: MediaNeed): Promise<Allocation> {
    const { sessionId, jobId } = this.info
    this.#mediaRequests += 1
    const requestId = `${sessionId}/${this.#mediaRequests}`
    const answer = new Promise<MediaAnswer>((resolve, reject) => {
      this.#media.set(requestId, { resolve, answered: false })
      this.signal.addEventListener('abort', () => reject(this.signal.reason as Error), { once: true })
    })
    answer.catch(() => undefined)
    this.signal.throwIfAborted()
    const request = { requestId, sessionId, jobId, mediaServer: this.host.name, need }
    await this.host.jobs.requestMedia(request, { signal: this.signal })
    const given = await answer
    if (given.granted) return given.allocation
    throw new NbError('request-impossible', `The medium was not granted: ${given.text}`, {
      status: given.status,
    })
  }

  /** The answer to {@link Session.requestMedia}. Idempotent. Throws `not-found` for a request never made. */
  answerMedia(requestId: string, answer: MediaAnswer): void {
    const wait = this.#media.get(requestId)
    if (wait === undefined)
      throw new NbError(
        'not-found',
        `Session ${this.info.sessionId} has made no media request ${requestId} that still counts.`,
      )
    if (wait.answered) return
    wait.answered = true
    wait.resolve(answer)
  }
}

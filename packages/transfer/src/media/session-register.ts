import { type Clock, NbError, type SessionInfo, type SessionReport } from '@nb/contracts'
import type { Session } from './session.ts'

/** A session, from its start until its report is forgotten. */
export interface RegisteredSession {
  readonly info: SessionInfo
  /** While it lives; what it moved data with is not remembered beyond that. */
  session: Session | undefined
  /** Whether it ended with a status above 1. */
  failed: boolean
  /** What names the request that started it. */
  readonly key: string
  /** Resolves when nothing of it runs any more. */
  readonly report: Promise<SessionReport>
  /** Resolves when the report has been brought to the job manager too, so that what the session held is released. */
  readonly told: Promise<SessionReport>
}

/** The sessions of a media server: those that live, and for a while those that ended. */
export class SessionRegister {
  readonly #clock: Clock
  readonly #keptMs: number
  readonly #byId = new Map<string, RegisteredSession>()
  readonly #byKey = new Map<string, RegisteredSession>()
  readonly #timers = new Set<() => void>()

  constructor(clock: Clock, keptMs: number) {
    this.#clock = clock
    this.#keptMs = keptMs
  }

  /** The session that this request started before. */
  startedBy(key: string): RegisteredSession | undefined {
    return this.#byKey.get(key)
  }

  /** The session of an id. Throws `session-unknown`. */
  get(sessionId: string): RegisteredSession {
    const entry = this.#byId.get(sessionId)
    if (entry !== undefined) return entry
    throw new NbError(
      'session-unknown',
      `This media server has no session ${sessionId}: it ended long ago, or the server was restarted.`,
      { details: { sessionId } },
    )
  }

  /** All that are known. */
  all(): readonly RegisteredSession[] {
    return [...this.#byId.values()]
  }

  /** The sessions that live. */
  living(): readonly RegisteredSession[] {
    return [...this.#byId.values()].filter(({ session }) => session !== undefined)
  }

  add(
    session: Session,
    key: string,
    { report, told }: Pick<RegisteredSession, 'report' | 'told'>,
  ): RegisteredSession {
    const { info } = session
    const entry = { info, session, failed: false, key, report, told }
    this.#byId.set(info.sessionId, entry)
    this.#byKey.set(key, entry)
    return entry
  }

  /** Notes that a session has ended; its report is forgotten after a while. */
  end(entry: RegisteredSession, failed: boolean): void {
    entry.session = undefined
    entry.failed = failed
    const cancel = this.#clock.setTimer(this.#keptMs, () => {
      this.#timers.delete(cancel)
      this.#byId.delete(entry.info.sessionId)
      if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key)
    })
    this.#timers.add(cancel)
  }

  /** Ends the timers. */
  close(): void {
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }
}

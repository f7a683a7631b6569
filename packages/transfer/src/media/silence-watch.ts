import { type Clock, NbError } from '@nb/contracts'

/** What a silent client is ended with: it sent no data (76), or gave no answer (41). */
export type SilenceStatus = 76 | 41

/** Watches for a client that gives no sign of life while it is waited for. */
export interface SilenceWatch {
  /** The client has done something. */
  touch(): void
  /** Waits for the client by this promise; its silence has this status. */
  forClient<T>(wait: Promise<T>, status: SilenceStatus): Promise<T>
  /** Waits for someone else by this promise: meanwhile the client may not be able to do anything. */
  forOthers<T>(wait: Promise<T>): Promise<T>
  stop(): void
}

/** A timer of a process that runs comes no later than this, milliseconds. */
const mostLateMs = 500

/**
 * Calls `onSilence` once when the client was waited for without a sign of life for `timeoutMs`. Time in which
 * nobody waits for it (the buffer is full because the medium is slow) or others are waited for does not count, nor does time in which
 * this process itself did not run.
 */
export function watchSilence(options: {
  readonly clock: Clock
  readonly client: string
  readonly timeoutMs: number
  readonly onSilence: (error: NbError) => void
}): SilenceWatch {
  const { clock, client, timeoutMs, onSilence } = options
  const waits: SilenceStatus[] = []
  let others = 0
  let lastSign = clock.now()

  let dueAt = lastSign + timeoutMs
  let cancel: () => void
  const lookIn = (ms: number): void => {
    dueAt = clock.now() + ms
    cancel = clock.setTimer(ms, look)
  }
  const look = (): void => {
    // Whoever looks late was stopped or held up: what the client said meanwhile is not read yet.
    const lateMs = clock.now() - dueAt
    if (lateMs > mostLateMs) lastSign += lateMs
    const status = waits[0]
    const silentMs = status !== undefined && others === 0 ? clock.now() - lastSign : 0
    if (status === undefined || silentMs < timeoutMs || lateMs > mostLateMs)
      lookIn(Math.max(timeoutMs - silentMs, timeoutMs / 10))
    else onSilence(silenceError(client, silentMs, status))
  }
  const touch = (): void => void (lastSign = clock.now())
  lookIn(timeoutMs)
  return {
    touch,
    forClient: async (wait, status) => {
      if (waits.length === 0) touch()
      waits.push(status)
      return wait.finally(() => {
        waits.splice(waits.indexOf(status), 1)
        touch()
      })
    },
    forOthers: async (wait) => {
      others += 1
      return wait.finally(() => {
        others -= 1
        touch()
      })
    },
    stop: () => cancel(),
  }
}

function silenceError(client: string, silentMs: number, status: SilenceStatus): NbError {
  const what = status === 76 ? 'sent no data' : 'gave no answer'
  return new NbError('client-ended', `Client ${client} ${what} for ${Math.round(silentMs / 1000)} seconds.`, {
    status,
    details: { client, silentMs },
  })
}

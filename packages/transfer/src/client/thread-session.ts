import { asNbError, NbError, type DataChannel } from '@nb/contracts'
import type { BlockPipe } from './block-pipe.ts'
import type { ThreadName, WorkerListener, WorkerThreads } from './worker-threads.ts'

/** A thread at work, with the pumps that feed and empty it. */
export interface ThreadSession<Result> {
  /** Settles when nothing of it runs any more. */
  readonly result: Promise<Result>
  /** Ends it early; {@link result} then rejects with this error. Idempotent. */
  abort(error: NbError): void
}

/** What makes up a session. */
export interface ThreadSessionParts {
  readonly threads: WorkerThreads
  readonly name: ThreadName
  readonly input: object
  readonly listener: WorkerListener
  /** The pipes, their blocks of the threads' pool. */
  readonly pipes: readonly Pick<BlockPipe, 'abort' | 'shared'>[]
  /** What else the thread waits at: an end of the session wakes it there. @default nothing */
  readonly waits?: readonly { abort(): void }[]
  readonly channels: readonly DataChannel[]
  /** Each moves bytes between one channel and one pipe until their end. */
  readonly pumps: readonly (() => Promise<void>)[]
  /** Called when the thread has ended, before the pumps are waited for. @default nothing */
  readonly onThreadEnd?: () => void
}

/**
 * Starts thread and pumps. The first failure of any of them ends all: waits are aborted, which wakes the thread, and
 * channels are broken with the reason, which tells the other side.
 */
export function superviseThread<Result>(parts: ThreadSessionParts): ThreadSession<Result> {
  let failure: NbError | undefined
  const fail = (error: NbError): void => {
    if (failure !== undefined) return
    failure = error
    for (const wait of [...parts.pipes, ...(parts.waits ?? [])]) wait.abort()
    for (const channel of parts.channels) channel.abort(error.message)
  }
  const thread = parts.threads
    .run<Result>(parts.name, parts.input, parts.listener)
    .catch((error: unknown) => {
      fail(asNbError(error))
      return undefined
    })
    .finally(() => parts.onThreadEnd?.())
  const pumps = parts.pumps.map((pump) =>
    pump().catch((error: unknown) => {
      fail(asNbError(error, 'channel-broken'))
    }),
  )
  const settle = async (): Promise<Result> => {
    const [result] = await Promise.all([thread, ...pumps])
    const { memory } = parts.threads
    const isGood = failure === undefined && result !== undefined
    // After a failure someone may still be looking at a block: then they are left to the garbage collector.
    for (const { shared } of parts.pipes)
      if (isGood) memory.giveBack(shared.data)
      else memory.letGo(shared.data)
    if (failure !== undefined) throw failure
    if (result === undefined) throw new NbError('internal', `The ${parts.name} thread gave no result.`)
    return result
  }
  const result = settle()
  // Whoever asks later still gets the failure; until then nobody may be listening.
  result.catch(() => undefined)
  return { result, abort: fail }
}

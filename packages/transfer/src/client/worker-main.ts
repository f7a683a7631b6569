import type { MessagePort } from 'node:worker_threads'
import { toErrorRecord, type Clock } from '@nb/contracts'
import type { WorkerMessage, WorkerTask } from './worker-messages.ts'
import { WorkerReporter } from './worker-reporter.ts'

/** A thread that has had nothing to do for so long, milliseconds, makes ready for its first task. */
const IDLE_MS = 100

/** Performs one task. */
type Work = (input: never, reporter: WorkerReporter, clock: Clock) => unknown

/**
 * Makes this thread perform tasks, one after the other, and tell the main thread how each of them went.
 *
 * @param works - what it can do, by name
 * @param prepare - makes ready for the first task, a short step at a time, for as long as none comes. By default there is nothing to do.
 */
export function runTasks(
  port: MessagePort | null,
  clock: Clock,
  works: Readonly<Record<string, Work>>,
  prepare?: Iterator<unknown>,
): void {
  if (port === null) throw new TypeError('this module is the entry of a worker thread')
  const post = (message: WorkerMessage<unknown>): void => port.postMessage(message)
  let left = prepare
  const goOn = (): void => {
    if (left?.next().done === false) setImmediate(goOn)
  }
  const endIdle = clock.setTimer(IDLE_MS, goOn)
  port.on('message', ({ name, input }: WorkerTask<never>) => {
    endIdle()
    left = undefined
    const reporter = new WorkerReporter(post, () => clock.now())
    try {
      const work = works[name]
      if (work === undefined) throw new TypeError(`this thread is no ${name}`)
      const result = work(input, reporter, clock)
      reporter.finish()
      post({ kind: 'done', result })
    } catch (error) {
      reporter.finish()
      post({ kind: 'failed', error: toErrorRecord(error) })
    }
  })
  post({ kind: 'ready' })
}

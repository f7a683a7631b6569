import type { MessagePort } from 'node:worker_threads'
import { toErrorRecord, type Clock } from '@nb/contracts'
import type { WorkerMessage, WorkerTask } from './worker-messages.ts'
import { WorkerReporter } from './worker-reporter.ts'

/** Performs one task. */
type Work = (input: never, reporter: WorkerReporter, clock: Clock) => unknown

/**
 * Makes this thread perform tasks, one after the other, and tell the main thread how each of them went.
 *
 * @param works - what it can do, by name
 */
export function runTasks(
  port: MessagePort | null,
  clock: Clock,
  works: Readonly<Record<string, Work>>,
): void {
  if (port === null) throw new TypeError('this module is the entry of a worker thread')
  const post = (message: WorkerMessage<unknown>): void => port.postMessage(message)
  port.on('message', ({ name, input }: WorkerTask<never>) => {
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

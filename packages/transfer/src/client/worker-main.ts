import type { MessagePort } from 'node:worker_threads'
import { toErrorRecord, type Clock } from '@nb/contracts'
import type { WorkerMessage } from './worker-messages.ts'
import { WorkerReporter } from './worker-reporter.ts'

/** Runs a thread's one task and tells the main thread how it ended. */
export function runWorker<Result>(
  port: MessagePort | null,
  clock: Clock,
  task: (reporter: WorkerReporter, clock: Clock) => Result,
): void {
  if (port === null) throw new TypeError('this module is the entry of a worker thread')
  const post = (message: WorkerMessage<Result>): void => port.postMessage(message)
  const reporter = new WorkerReporter(post, () => clock.now())
  try {
    const result = task(reporter, clock)
    reporter.finish()
    post({ kind: 'done', result })
  } catch (error) {
    reporter.finish()
    post({ kind: 'failed', error: toErrorRecord(error) })
  }
}

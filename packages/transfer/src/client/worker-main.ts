import type { MessagePort } from 'node:worker_threads'
import { toErrorRecord, type Clock } from '@nb/contracts'
import type { WorkerMessage } from './worker-messages.ts'
import { WorkerReporter } from './worker-reporter.ts'

/** Makes this thread perform tasks, one after the other, and tell the main thread how each of them went. */
export function runTasks<Input, Result>(
  port: MessagePort | null,
  clock: Clock,
  task: (input: Input, reporter: WorkerReporter, clock: Clock) => Result,
): void {
  if (port === null) throw new TypeError('this module is the entry of a worker thread')
  const post = (message: WorkerMessage<Result>): void => port.postMessage(message)
  port.on('message', (input: Input) => {
    const reporter = new WorkerReporter(post, () => clock.now())
    try {
      const result = task(input, reporter, clock)
      reporter.finish()
      post({ kind: 'done', result })
    } catch (error) {
      reporter.finish()
      post({ kind: 'failed', error: toErrorRecord(error) })
    }
  })
  post({ kind: 'ready' })
}

import { Worker } from 'node:worker_threads'
import { fromErrorRecord, NbError } from '@nb/contracts'
import type { TransferWarning } from './warning.ts'
import type { WorkerMessage, WorkerProgress } from './worker-messages.ts'

/** Listens to a thread while it works. */
export interface WorkerListener {
  onProgress(progress: WorkerProgress): void
  onWarnings(warnings: readonly TransferWarning[]): void
}

/**
 * Runs one task in a thread of its own.
 *
 * @param name - which entry of this package: from source `../NAME-worker.ts`, once built `NAME-worker.js` beside
 *   the bundle
 * @param input - plain data and shared memory
 * @returns the task's result once the thread has ended
 * @throws NbError the task's error; `client-ended` when the thread ended without a result
 */
export function runInThread<Result>(
  name: 'reader' | 'extractor',
  input: object,
  listener: WorkerListener,
): Promise<Result> {
  const isSource = import.meta.url.endsWith('.ts')
  const entry = new URL(isSource ? `../${name}-worker.ts` : `./${name}-worker.js`, import.meta.url)
  const worker = new Worker(entry, { workerData: input, name: `nb-${name}`, execArgv: threadArguments() })
  return new Promise((resolve, reject) => {
    let outcome: { readonly result: Result } | { readonly error: unknown } | undefined
    worker.on('message', (message: WorkerMessage<Result>) => {
      if (message.kind === 'progress') listener.onProgress(message.progress)
      else if (message.kind === 'warnings') listener.onWarnings(message.warnings)
      else if (message.kind === 'done') outcome = { result: message.result }
      else outcome = { error: fromErrorRecord(message.error) }
    })
    worker.on('error', (error) => (outcome ??= { error }))
    worker.on('exit', (exitCode) => {
      if (outcome === undefined) {
        reject(
          new NbError(
            'client-ended',
            `The ${name} thread ended with exit code ${exitCode} before its work was done.`,
          ),
        )
      } else if ('result' in outcome) resolve(outcome.result)
      else reject(outcome.error instanceof Error ? outcome.error : new Error(String(outcome.error)))
    })
  })
}

/** Node's arguments for a thread: without what a program loads into its main thread, which is slow and not wanted here. */
function threadArguments(): string[] {
  const isLoading = (argument: string | undefined): boolean =>
    /^(-r|--(import|require|loader|experimental-loader))$/.test(argument ?? '')
  const { execArgv } = process
  return execArgv.filter(
    (argument, i) =>
      !isLoading(argument) &&
      !isLoading(execArgv[i - 1]) &&
      !/^--(import|require|loader|experimental-loader)=/.test(argument),
  )
}

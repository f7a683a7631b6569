// The entry of a thread that writes behind an extractor: see client/extractor/extractor-session.ts for who starts it.
import { getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { runWriter, type WriterInput } from './client/extractor/run-writer.ts'
import type { WorkerMessage, WorkerTask } from './client/worker-messages.ts'

/** How much nicer it is than the other threads. */
const NICER = 10
const NICEST = 19

// A Linux thread has a priority of its own, and 0 is this one. The extractor does itself what its writer has no time for, but
// nobody does the extractor's work: where processors are few it must not wait for one that its writer has.
setPriority(0, Math.min(NICEST, getPriority(0) + NICER))

const post = (message: WorkerMessage<true>): void => parentPort?.postMessage(message)

parentPort?.on('message', ({ input }: WorkerTask<WriterInput>) => {
  try {
    runWriter(input)
    post({ kind: 'done', result: true })
  } catch (error) {
    // Only now: nearly no writer ever needs it, and it takes longer to load than all else.
    void import('@nb/contracts').then(({ toErrorRecord }) =>
      post({ kind: 'failed', error: toErrorRecord(error) }),
    )
  }
})
post({ kind: 'ready' })

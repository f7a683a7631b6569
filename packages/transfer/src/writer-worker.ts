// The entry of a thread that writes behind an extractor: see client/extractor/extractor-session.ts for who starts it.
import { parentPort } from 'node:worker_threads'
import { runWriter, type WriterInput } from './client/extractor/run-writer.ts'
import type { WorkerMessage, WorkerTask } from './client/worker-messages.ts'

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

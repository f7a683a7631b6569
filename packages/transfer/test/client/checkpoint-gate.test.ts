import { Worker } from 'node:worker_threads'
import t from 'tap'
import { createCheckpointGate } from '../../src/client/checkpoint-gate.ts'

t.test('a gate that was opened lets its thread pass once', async (t) => {
  const gate = createCheckpointGate()
  const other = createCheckpointGate(gate.shared)
  gate.open()
  gate.open()
  other.passSync()
  other.passSync()
  gate.abort()
  gate.abort()
  t.throws(() => other.passSync(), { name: 'AbortError' })
  t.throws(() => other.passSync(), { name: 'AbortError' })
})

t.test('a thread that waits at a gate is woken by its opening, and by an abort', async (t) => {
  const gate = createCheckpointGate()
  const module = new URL('../../src/client/checkpoint-gate.ts', import.meta.url).href
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     import(workerData.module).then(({ createCheckpointGate }) => {
       const gate = createCheckpointGate(workerData.shared)
       parentPort.postMessage('waits')
       try {
         for (;;) { gate.passSync(); parentPort.postMessage('passed') }
       } catch (error) { parentPort.postMessage(error.name) }
     })`,
    {
      eval: true,
      execArgv: ['--conditions=@nb/source', '--no-warnings'],
      workerData: { module, shared: gate.shared },
    },
  )
  const heard: string[] = []
  const hear = (): Promise<void> =>
    new Promise((resolve) => worker.once('message', (text: string) => (heard.push(text), resolve())))
  await hear()
  const passed = hear()
  gate.open()
  await passed
  const ended = hear()
  gate.abort()
  await ended
  t.strictSame(heard, ['waits', 'passed', 'AbortError'])
  await worker.terminate()
})

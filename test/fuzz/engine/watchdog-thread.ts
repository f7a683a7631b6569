// Looks now and then whether the inputs go on; see watchdog.ts.
import { writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { workerData } from 'node:worker_threads'

interface Told {
  readonly shared: SharedArrayBuffer
  readonly name: string
  readonly limitMs: number
}

const { shared, name, limitMs } = workerData as Told
const state = new Int32Array(shared, 0, 4)
let last = -1
setInterval(() => {
  const now = Atomics.load(state, 0)
  if (now === last && now > 0) {
    const length = Atomics.load(state, 1)
    const path = join(tmpdir(), `nb-fuzz-${name}-stuck-${process.pid}.bin`)
    writeFileSync(path, Buffer.from(shared, 16, length))
    // Written at once: nothing else of this process runs any more.
    writeSync(2, `not ok - ${name}: input ${now} takes longer than ${limitMs} ms; it is in ${path}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  last = now
}, limitMs)

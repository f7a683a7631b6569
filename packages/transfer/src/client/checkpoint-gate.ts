import { PipeAbortedError } from './block-pipe.ts'

/** What holds a thread at its checkpoints until the main thread lets it go on. */
export interface CheckpointGate {
  /** Plain data: what the other thread needs to open its end. */
  readonly shared: SharedArrayBuffer
  /** Main thread: lets the thread pass once more. */
  open(): void
  /** Main thread: ends the wait, now and later, with {@link PipeAbortedError}. Idempotent. */
  abort(): void
  /** Thread: waits, blocking, until it may pass once more. */
  passSync(): void
}

const OPENED = 0
const ABORTED = 1

/** Makes a gate, or with `shared` opens the end of one that another thread has made. */
export function createCheckpointGate(shared: SharedArrayBuffer = new SharedArrayBuffer(8)): CheckpointGate {
  const control = new Int32Array(shared)
  let passed = 0
  return {
    shared,
    open() {
      Atomics.add(control, OPENED, 1)
      Atomics.notify(control, OPENED)
    },
    abort() {
      Atomics.store(control, ABORTED, 1)
      // Wakes the thread, which looks at the abort first.
      Atomics.add(control, OPENED, 1)
      Atomics.notify(control, OPENED)
    },
    passSync() {
      while (Atomics.load(control, OPENED) === passed) Atomics.wait(control, OPENED, passed)
      if (Atomics.load(control, ABORTED) !== 0) throw new PipeAbortedError()
      passed += 1
    },
  }
}

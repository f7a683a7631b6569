import type { Clock } from '@nb/contracts'
import type { JobRecord } from './job-record.ts'

/** A time at which something becomes of a job by itself. */
export interface Deadline {
  readonly at: number
  readonly what: 'window-closes' | 'retry' | 'incomplete-ends'
}

/** The time that a job's record tells, if any. It is armed again from the record after a restart. */
export function deadlineOf(record: JobRecord): Deadline | undefined {
  const { phase, windowClosesAt, rest } = record
  switch (phase) {
    case 'queued':
      return windowClosesAt === undefined ? undefined : { at: windowClosesAt, what: 'window-closes' }
    case 'waiting-for-retry': {
      const at = rest?.until ?? 0
      return windowClosesAt !== undefined && windowClosesAt <= at
        ? { at: windowClosesAt, what: 'window-closes' }
        : { at, what: 'retry' }
    }
    case 'incomplete':
      return { at: rest?.until ?? 0, what: 'incomplete-ends' }
    default:
      return undefined
  }
}

/** The deadlines of all jobs behind one timer. */
export interface Deadlines {
  /** Sets, moves or takes away the deadline of a job. */
  set(jobId: string, deadline: Deadline | undefined): void
  /** Takes all away. */
  clear(): void
}

interface Waiting extends Deadline {
  readonly jobId: string
}

/** Makes them; `due` is called once for each that has come. */
export function createDeadlines(clock: Clock, due: (jobId: string, deadline: Deadline) => void): Deadlines {
  const armed = new Map<string, Waiting>()
  const heap: Waiting[] = []
  let timer: { readonly at: number; readonly cancel: () => void } | undefined

  const arm = (): void => {
    // What was moved or taken away leaves the heap when its time comes up.
    while (heap[0] !== undefined && armed.get(heap[0].jobId) !== heap[0]) takeFirst(heap)
    const [first] = heap
    if (first?.at === timer?.at) return
    timer?.cancel()
    timer = undefined
    if (first === undefined) return
    timer = { at: first.at, cancel: clock.setTimer(first.at - clock.now(), fire) }
  }
  const fire = (): void => {
    timer = undefined
    for (let first = heap[0]; first !== undefined && first.at <= clock.now(); first = heap[0]) {
      takeFirst(heap)
      if (armed.get(first.jobId) !== first) continue
      armed.delete(first.jobId)
      due(first.jobId, first)
    }
    arm()
  }
  return {
    set: (jobId, deadline) => {
      const known = armed.get(jobId)
      if (known?.at === deadline?.at && known?.what === deadline?.what) return
      armed.delete(jobId)
      if (deadline !== undefined) {
        const waiting = { at: deadline.at, what: deadline.what, jobId }
        armed.set(jobId, waiting)
        insert(heap, waiting)
      }
      arm()
    },
    clear: () => {
      armed.clear()
      heap.length = 0
      timer?.cancel()
      timer = undefined
    },
  }
}

function insert(heap: Waiting[], item: Waiting): void {
  let at = heap.push(item) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    if ((heap[above] as Waiting).at <= item.at) break
    heap[at] = heap[above] as Waiting
    at = above
  }
  heap[at] = item
}

function takeFirst(heap: Waiting[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    if (left >= heap.length) break
    const right = left + 1
    const next =
      right < heap.length && (heap[right] as Waiting).at < (heap[left] as Waiting).at ? right : left
    if ((heap[next] as Waiting).at >= last.at) break
    heap[at] = heap[next] as Waiting
    at = next
  }
  heap[at] = last
}

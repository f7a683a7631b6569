import { type JobLogLine, type Logger, type Store, asNbError } from '@nb/contracts'
import { corrupt } from './stored-record.ts'
import { lineKey, lineNumberOfKey, linesAfter } from './store-keys.ts'
import type { WriteOperation } from './write-queue.ts'

/** A line and its place in the job's log, from 1. */
export interface NumberedLine {
  readonly number: number
  readonly line: JobLogLine
}

/** The lines of those who have none. */
export const noLines: readonly JobLogLine[] = []

/** The operations that write lines after line `count` of a job's log. */
export function lineWrites(
  sublevel: Store,
  jobId: string,
  count: number,
  lines: readonly JobLogLine[],
): readonly WriteOperation[] {
  if (lines.length === 0) return nothing
  return lines.map((line, index) => ({
    type: 'put',
    sublevel,
    key: lineKey(jobId, count + 1 + index),
    value: JSON.stringify(line),
  }))
}

const nothing: readonly WriteOperation[] = []

/** How many lines the job's log has. */
export async function countLines(sublevel: Store, jobId: string): Promise<number> {
  const keys = sublevel.keys({ ...linesAfter(jobId, 0), reverse: true, limit: 1 })
  const [last] = await keys.all()
  return last === undefined ? 0 : lineNumberOfKey(last)
}

/** Whether any job has lines. */
export async function hasLines(sublevel: Store): Promise<boolean> {
  return (await sublevel.keys({ limit: 1 }).all()).length > 0
}

/** The lines after line `after`. One that can't be read is told of in its place. */
export async function* readLines(
  sublevel: Store,
  jobId: string,
  after: number,
  log: Logger,
): AsyncGenerator<NumberedLine> {
  for await (const [key, value] of sublevel.iterator(linesAfter(jobId, after)) as AsyncIterable<
    [string, string]
  >) {
    yield { number: lineNumberOfKey(key), line: parseLine(key, value, log) }
  }
}

function parseLine(key: string, value: string, log: Logger): JobLogLine {
  try {
    const line = JSON.parse(value) as JobLogLine
    if (typeof line.time === 'number' && typeof line.text === 'string') return line
    throw corrupt(key, 'it is not a line of a log')
  } catch (error) {
    const known = asNbError(error, 'store-corrupt')
    log.error('%s', known.message)
    return {
      time: 0,
      component: 'job-store',
      severity: 'error',
      text: `store-corrupt: the line at key ${key} can't be read`,
      data: { code: 'store-corrupt', key },
    }
  }
}

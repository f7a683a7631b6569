import { CommandFailed } from './measured-process.ts'
import { freeBytes, inMib } from './places.ts'
import { UsageError } from './usage-error.ts'

/** With less than this a disk is as good as full. */
const littleBytes = 4 * 2 ** 20

/** An error of a bench, told as that of a full disk where that is why, whatever it says: to be asked before anything is removed. */
export function explainFailure(error: unknown, workDirectory: string): unknown {
  if (!(error instanceof Error)) return error
  const free = freeBytes(workDirectory)
  if (free >= littleBytes && !/ENOSPC|No space left on device/i.test(error.message)) return error
  const why = `the disk was full, or that of /dev/shm (${inMib(free)} free at ${workDirectory})`
  const said = error.message.trim().split('\n', 1)[0]
  const message = `${why}; make room or name a folder on another disk with --work DIR: ${said}`
  return Object.assign(new Error(message, { cause: error }), { code: 'ENOSPC' })
}

/** An error for who called the bench: without a stack where it is about the system, a command or the call itself. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, stack = message } = error
  const isOfTheWorld = error instanceof UsageError || error instanceof CommandFailed || 'code' in error
  return isOfTheWorld ? message : stack
}

import { CommandFailed } from './measured-process.ts'
import { freeBytes, inMib } from './places.ts'
import { UsageError } from './usage-error.ts'

/** An error for who called the bench: without a stack where it is about the system, a command or the call itself. */
export function describeFailure(error: unknown, workDirectory: string): string {
  if (!(error instanceof Error)) return String(error)
  const { message, stack = message } = error
  if (/ENOSPC|No space left on device/i.test(message))
    return `--work ${workDirectory}: the disk is full, or that of /dev/shm (${inMib(freeBytes(workDirectory))} free after removing what was made); make room or name a folder on another disk: ${message.split('\n', 1)[0]}`
  const isOfTheWorld = error instanceof UsageError || error instanceof CommandFailed || 'code' in error
  return isOfTheWorld ? message : stack
}

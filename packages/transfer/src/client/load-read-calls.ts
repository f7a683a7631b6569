import { loadNativeReadCalls } from '../posix/native-read-calls.ts'
import { portableReadCalls } from './portable-read-calls.ts'
import type { ReadCalls } from './read-calls.ts'
import type { WarningSink } from './warning.ts'

/**
 * The calls of this machine. Where there are no native ones, the portable ones are given, and one warning says what
 * a backup then lacks.
 */
export function loadReadCalls(warn: WarningSink): ReadCalls {
  const calls = loadNativeReadCalls()
  if (typeof calls !== 'string') return calls
  const text = `${calls}: extended attributes, ACLs and holes are not in the backup, nor paths longer than the system takes`
  warn({ severity: 'warning', path: Buffer.from('/'), code: 'NATIVE_CALLS_UNAVAILABLE', text })
  return portableReadCalls()
}

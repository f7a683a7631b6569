import { NbError } from '@nb/contracts'
import { loadNativeReadCalls } from '../posix/native-read-calls.ts'
import { portableReadCalls } from './portable-read-calls.ts'
import type { ReadCalls } from './read-calls.ts'
import type { WarningSink } from './warning.ts'

/**
 * The calls of this machine. Where there are no native ones, the portable ones are given, and one warning says what
 * a backup then lacks.
 *
 * @throws NbError `not-supported` on Windows, where directories are not opened and paths are of another kind
 */
export function loadReadCalls(warn: WarningSink, platform: string = process.platform): ReadCalls {
  if (platform === 'win32')
    throw new NbError(
      'not-supported',
      'Files of Windows can not be backed up yet: their paths, owners and ACLs are of another kind.',
    )
  const calls = loadNativeReadCalls()
  if (typeof calls !== 'string') return calls
  const text = `${calls}: extended attributes, ACLs and holes are not in the backup, nor paths longer than the system takes`
  warn({ severity: 'warning', path: Buffer.from('/'), code: 'NATIVE_CALLS_UNAVAILABLE', text })
  return portableReadCalls()
}

import type { BackupNames } from '@nb/contracts'

/** Before a backup is read, or after. */
export type ScriptMoment = 'start' | 'end'

const mostNameBytes = 255

/**
 * The file names under which a script for a backup is looked for, the most specific first. A name that can't be one file in
 * a folder is not looked for, so that nobody reaches out of the folder by what they call a policy.
 */
export function scriptNames(moment: ScriptMoment, { policy, schedule }: BackupNames): readonly string[] {
  const base = `${moment}_notify`
  return [`${base}.${policy}.${schedule}`, `${base}.${policy}`, base].filter(
    (name) => !/[/\0]/.test(name) && Buffer.byteLength(name) <= mostNameBytes,
  )
}

/** What is known of a script's file, or of the folder it is in. */
export interface FileFacts {
  readonly isFile: boolean
  readonly isDirectory: boolean
  readonly uid: number
  /** Permission bits. */
  readonly mode: number
}

/** Why a script is not run, or `undefined`: whoever may write to it acts with the rights of the agent. */
export function scriptFault(file: FileFacts, folder: FileFacts, ownUid: number): string | undefined {
  if (!folder.isDirectory) return 'its folder is no directory'
  if (!file.isFile) return 'it is no regular file'
  for (const [what, { uid, mode }] of [
    ['it', file],
    ['its folder', folder],
  ] as const) {
    if (uid !== 0 && uid !== ownUid)
      return `${what} belongs to user ${uid}; only root or user ${ownUid} may own it`
    if ((mode & 0o022) !== 0) return `${what} can be written by others (mode ${(mode & 0o7777).toString(8)})`
  }
  if ((file.mode & 0o111) === 0) return 'it is not executable'
  return undefined
}

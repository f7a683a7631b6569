import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { NbError } from '@nb/contracts'
import { MARKER_NAME } from '@nb/media-disk'
import type { Recovery } from './recovery-file.ts'

/** Names of what a recovery makes in the folder it works in. */
const ownNames = new Set(['lock', 'scratch', 'snapshot', 'state'])

/** Refuses anything but a folder that is empty, or a name that is free. Throws `target-exists`. */
export function checkState(state: string): void {
  const refuse = (why: string): never => {
    throw new NbError(
      'target-exists',
      `--state ${state} ${why}; name a folder that is empty or not there: nothing there is replaced`,
      { details: { path: state } },
    )
  }
  const stat = lstatSync(state, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isDirectory()) refuse(stat.isSymbolicLink() ? 'is a symbolic link' : 'is a file')
  if (readdirSync(state).length > 0) refuse('is not empty')
  // The state is made beside its place and renamed, which no mount point allows.
  if (stat.dev !== statSync(dirname(state)).dev) refuse('is a mount point; a folder in it will do')
}

/** Refuses a folder that no recovery has left there. Throws `target-exists`. */
export function checkWorkFolder(work: string): void {
  const stat = lstatSync(work, { throwIfNoEntry: false })
  if (stat === undefined) return
  const strange = stat.isDirectory() ? readdirSync(work).find((name) => !ownNames.has(name)) : ''
  if (strange === undefined) return
  throw new NbError(
    'target-exists',
    `${join(work, strange)} is in the way: the state is made in ${work} at first; move it away, or name another --state`,
    { details: { path: work } },
  )
}

/**
 * Refuses a folder that is not the storage unit with the catalog backup; nothing is written there. Throws `fragment-missing`,
 * `media-open-failed`.
 */
export function checkUnitFolder({ storageUnit, fragments, client, images }: Recovery, folder: string): void {
  const wanted = [...images.map((id) => join(client, id)), ...fragments.map(({ file }) => file)]
  const missing = wanted.map((name) => join(folder, name)).find((path) => !existsSync(path))
  if (missing !== undefined)
    throw new NbError(
      'fragment-missing',
      `${missing} of the catalog backup is not there: mount the disk of storage unit ${storageUnit} at ${folder}, or say with --recover-from DIR where its folder is`,
      { details: { storageUnit, path: missing } },
    )
  if (existsSync(join(folder, MARKER_NAME))) return
  throw new NbError(
    'media-open-failed',
    `${folder} holds the catalog backup, but no ${MARKER_NAME}: bring that file back from the disk, or write {"format":"nb-disk-unit/1","storageUnit":"${storageUnit}"} into it`,
    { details: { storageUnit, path: folder } },
  )
}

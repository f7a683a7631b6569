import { dirname } from 'node:path'
import { type Files, NbError, replaceFile } from '@nb/contracts'

/**
 * Writes a file with a secret: mode 0600, in a directory that is made with mode 0700, durably and in one step, so that after a
 * crash there is the old content or the new.
 */
export async function writeSecret(files: Files, path: string, text: string): Promise<void> {
  try {
    await makeDurably(files, dirname(path))
    await replaceFile(files, path, Buffer.from(text))
  } catch (cause) {
    throw failed('written', path, cause)
  }
}

/** Makes a directory and those above it that are not there, and their names durable. */
async function makeDurably(files: Files, path: string): Promise<void> {
  const missing: string[] = []
  for (let at = path; (await files.stat(at)) === undefined && at !== dirname(at); at = dirname(at))
    missing.push(at)
  await files.makeDirectory(path)
  for (const made of missing) await files.syncDirectory(dirname(made))
}

/** The text of a file, or `undefined` when there is none. */
export async function readSecret(files: Files, path: string): Promise<string | undefined> {
  try {
    return (await files.readFile(path))?.toString('utf8')
  } catch (cause) {
    throw failed('read', path, cause)
  }
}

/** Removes a file durably; absence is no error. */
export async function removeSecret(files: Files, path: string): Promise<void> {
  try {
    await files.remove(path)
    await files.syncDirectory(dirname(path))
  } catch (cause) {
    throw failed('removed', path, cause)
  }
}

function failed(what: string, path: string, cause: unknown): NbError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new NbError('file-failed', `${path} could not be ${what}: ${why}`, { details: { path }, cause })
}

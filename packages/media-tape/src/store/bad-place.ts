import { NbError } from '@nb/contracts'
import type { FileBlocks } from '../multiplex/file-blocks.ts'

/**
 * Whether a write has failed at a place of the tape that can't be written, and all blocks before it are there: then the volume ends there, as at
 * its hard end. An error that the drive tells only later has taken blocks with it that nobody has any more.
 */
export async function endsAtBadPlace(file: FileBlocks, error: unknown): Promise<boolean> {
  if (!(error instanceof NbError) || error.code !== 'media-write-failed') return false
  if (error.details['meaning'] !== 'write-error') return false
  // Where the drive can't tell where it stands nothing is certain; the error of the write is the one to be told.
  const reached = await file.reached().catch(() => undefined)
  return reached === file.count
}

/** What whoever writes is told then. */
export function badPlace(file: FileBlocks, cause: unknown): NbError {
  const { volume, file: number, object } = file.start
  return new NbError(
    'media-end',
    `Volume ${volume} can't be written at object ${object + file.count}: it ends there, in its file ${number}.`,
    { cause, details: { volumeId: volume, file: number, object: object + file.count } },
  )
}

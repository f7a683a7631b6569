import { NbError } from '@nb/contracts'

/**
 * Whether an error says that a block can't be read from the medium. A read whose end is not known, or a drive that is out of order, says nothing of
 * what is recorded: whoever takes that for damage overwrites what is whole.
 */
export function isUnreadableBlock(error: unknown): error is NbError {
  return (
    error instanceof NbError &&
    error.code === 'media-read-failed' &&
    error.details['meaning'] === 'read-error'
  )
}

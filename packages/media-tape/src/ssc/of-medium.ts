import { NbError } from '@nb/contracts'

/** Whether the medium is to blame for a write that failed: it took no more, or not this. How it ended is known then. */
export function isOfMedium(error: unknown): error is NbError {
  return (
    error instanceof NbError &&
    (error.code === 'media-end' ||
      (error.code === 'media-write-failed' && error.details['meaning'] !== 'end-unknown'))
  )
}

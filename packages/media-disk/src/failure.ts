import { type ErrorCode, NbError, asNbError, isAbortError } from '@nb/contracts'

const fullCodes = new Set(['ENOSPC', 'EDQUOT'])

/** The storage unit and path an error is about. */
export interface FailurePlace {
  readonly storageUnit: string
  readonly path: string
  /** What had been written there and was given up with the failure, bytes. @default 0 */
  readonly givenUpBytes?: number
}

/**
 * What a failed file system call means for a session: no room becomes `disk-full` with the status of a full
 * storage unit (129), all else the code given. Errors that are already ours, and aborts, stay as they are.
 */
export function mediaFailure(error: unknown, code: ErrorCode, doing: string, place: FailurePlace): Error {
  if (error instanceof NbError || isAbortError(error)) return error as Error
  const systemCode = (error as NodeJS.ErrnoException | undefined)?.code
  const { storageUnit, path, givenUpBytes = 0 } = place
  const details = { storageUnit, path, systemCode: systemCode ?? 'none', givenUpBytes }
  if (systemCode !== undefined && fullCodes.has(systemCode))
    return new NbError(
      'disk-full',
      `Storage unit ${place.storageUnit} is full: ${doing} ${place.path} failed (${systemCode}). Expire images or add space.`,
      { status: 129, details, cause: error },
    )
  const { message } = asNbError(error)
  return new NbError(code, `Storage unit ${place.storageUnit}: ${doing} ${place.path} failed: ${message}`, {
    details,
    cause: error,
  })
}

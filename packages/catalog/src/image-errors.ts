import { type ImageRecord, NbError } from '@nb/contracts'

/** Runs a check of a value's form, which throws `TypeError`; what it refuses is an invalid argument. */
export function checkShape(check: () => void): void {
  try {
    check()
  } catch (error) {
    throw new NbError('argument-invalid', (error as Error).message, { cause: error })
  }
}

/** The error of a call that an image's state does not allow. */
export function stateConflict({ backupId, state }: ImageRecord, verb: string): NbError {
  return new NbError('state-conflict', `image ${backupId} is ${state} and can't ${verb}`, {
    details: { backupId, state },
  })
}

/** The error of a second list. */
export function busy(backupId: string): NbError {
  return new NbError('state-conflict', `image ${backupId} has its file list already, or one is arriving`, {
    details: { backupId },
  })
}

/** The error of an image that others need. */
export function needed(backupId: string, dependants: readonly string[]): NbError {
  return new NbError(
    'image-needed',
    `image ${backupId} holds data of ${dependants.join(', ')}; expire those first, or force it and lose their data`,
    { details: { backupId, neededBy: dependants } },
  )
}

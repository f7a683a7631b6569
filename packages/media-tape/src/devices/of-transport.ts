import { NbError } from '@nb/contracts'

/** Whether a device could not be asked, or did not answer as such a device does. */
export function isOfTransport(error: unknown): error is NbError {
  return error instanceof NbError && error.code.startsWith('scsi-')
}

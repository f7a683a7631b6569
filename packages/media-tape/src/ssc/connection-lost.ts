import { NbError } from '@nb/contracts'

/** Whether an error comes of a connection that was lost, or that nobody answers: it tells nothing of the unit behind it, nor of a medium in it. */
export function isConnectionLost(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (at instanceof NbError && at.code === 'scsi-transport-lost') return true
  return false
}

/** The ending status of what failed for want of a connection: that is what has to be mended, not the medium or the drive. */
export const connectionLostStatus: number = new NbError('scsi-transport-lost', '').status

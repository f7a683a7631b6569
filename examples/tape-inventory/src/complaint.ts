import { asNbError, describeStatus, NbError } from '@nb/contracts'

/** What went wrong and what to do about it, in two lines. */
export function complaintOf(error: unknown, initiatorName: string): string {
  const known = asNbError(error)
  const status = error instanceof NbError ? ` (${known.code}, ${describeStatus(known.status)})` : ''
  return `${known.message}${status}\n  ${remedyOf(known, initiatorName)}`
}

function remedyOf({ code, details, remedy }: NbError, initiatorName: string): string {
  if (code === 'scsi-transport-lost')
    return 'Is the target running, is host and port right (3260 unless given), does a firewall let us through?'
  if (code === 'scsi-access-denied' && details['reserved'] === true)
    return 'Another host works with it. Ask again when that is done.'
  if (code === 'scsi-access-denied')
    return `Give the user and secret of the target (NB_ISCSI_USER and NB_ISCSI_SECRET, or --chap FILE), and let it allow the initiator ${initiatorName} (--initiator names another).`
  if (code === 'not-found' && 'lun' in details)
    return 'Leave its number out of the URL to see which ones there are.'
  if (code === 'not-found') return 'Leave the target out of the URL to see which ones the portal has.'
  if (code === 'scsi-timeout')
    return 'The unit does not answer: look at its display, and at the log of the target.'
  if (code === 'robot-not-ready')
    return 'The library is busy or its door is open: look at its display, then ask again.'
  return remedy
}

import { type ErrorCode, NbError } from '@nb/contracts'

/** What a target means by refusing a login, by status class and detail (RFC 7143, 11.13.5). */
const refusals: Readonly<Record<number, readonly [code: ErrorCode, meaning: string]>> = {
  0x0201: ['scsi-access-denied', 'name or secret are wrong, or a proof is missing'],
  0x0202: ['scsi-access-denied', 'the initiator may not use this target'],
  0x0203: ['not-found', 'there is no such target'],
  0x0204: ['not-found', 'the target was removed'],
  0x0205: ['scsi-access-denied', 'the protocol version is not supported'],
  0x0206: ['scsi-access-denied', 'there are too many connections'],
  0x0207: ['scsi-access-denied', 'something is missing in the login'],
  0x0208: ['scsi-access-denied', 'the connection does not fit the session'],
  0x0209: ['scsi-access-denied', 'the kind of session is not supported'],
  0x020a: ['scsi-access-denied', 'there is no such session'],
  0x020b: ['scsi-access-denied', 'the login does not follow the protocol'],
  0x0301: ['scsi-transport-lost', 'the target does not work at present'],
  0x0302: ['scsi-transport-lost', 'the target has no resources left'],
}

/** The error of a refused login. A class that nobody knows is a failure of the target. */
export function loginRefusal(statusClass: number, statusDetail: number): NbError {
  const known = refusals[(statusClass << 8) | statusDetail]
  const initiatorError = 2
  const [code, meaning] = known ?? [
    statusClass === initiatorError ? 'scsi-access-denied' : 'scsi-transport-lost',
    'the target gives no reason that is known',
  ]
  const number = `${statusClass}/${statusDetail}`
  return new NbError(code, `the iSCSI target refused the login (${number}): ${meaning}`, {
    details: { sent: false, statusClass, statusDetail },
  })
}

/** Whether a login was refused for what was, or was not, proven. */
export function isAuthenticationFailure(statusClass: number, statusDetail: number): boolean {
  return statusClass === 2 && statusDetail === 1
}

import { constants } from 'node:os'
import { NbError, type ScsiResult } from '@nb/contracts'
import { layout, type SgAnswer, type SgRequest } from './sg-io-header.ts'

const { errno } = constants

/** Names of the host status (include/scsi/scsi_status.h), by number. */
const hostStatusNames = [
  ...['DID_OK', 'DID_NO_CONNECT', 'DID_BUS_BUSY', 'DID_TIME_OUT', 'DID_BAD_TARGET', 'DID_ABORT'],
  ...['DID_PARITY', 'DID_ERROR', 'DID_RESET', 'DID_BAD_INTR', 'DID_PASSTHROUGH', 'DID_SOFT_ERROR'],
  ...['DID_IMM_RETRY', 'DID_REQUEUE', 'DID_TRANSPORT_DISRUPTED', 'DID_TRANSPORT_FAILFAST'],
  ...['DID_TARGET_FAILURE', 'DID_NEXUS_FAILURE', 'DID_ALLOC_FAILURE', 'DID_MEDIUM_ERROR'],
  'DID_TRANSPORT_MARGINAL',
] as const
type HostStatusName = (typeof hostStatusNames)[number]

/** Those with which the unit's own status counts: the kernel only says how it understood it. */
const answers: ReadonlySet<HostStatusName> = new Set<HostStatusName>([
  ...(['DID_OK', 'DID_PASSTHROUGH', 'DID_TARGET_FAILURE', 'DID_NEXUS_FAILURE'] as const),
  ...(['DID_ALLOC_FAILURE', 'DID_MEDIUM_ERROR'] as const),
])

/** Driver status, in its lower four bits; the others say what the kernel would do about it. */
const driverStatus = { mask: 0x0f, ok: 0, timeout: 6, sense: 8 } as const

/** How a command ended, by what the kernel says of it. */
export type SgEnd =
  | { readonly result: ScsiResult }
  /** `lost`: the way to the unit is lost as well. */
  | { readonly error: NbError; readonly lost: boolean }

/** Reads the end of a command that the kernel has passed on. `memory` holds its request. */
export function endOf(name: string, request: SgRequest, answer: SgAnswer, memory: Uint8Array): SgEnd {
  const host = hostStatusNames[answer.hostStatus] ?? `host status ${answer.hostStatus}`
  const driver = answer.driverStatus & driverStatus.mask
  const details = { sent: true, hostStatus: answer.hostStatus, driverStatus: answer.driverStatus }
  if (host === 'DID_TIME_OUT' || driver === driverStatus.timeout) {
    const { timeoutMs } = request
    const message = `${name} took longer than ${Math.ceil(timeoutMs)} ms, and the kernel ended the command`
    return {
      error: new NbError('scsi-timeout', message, { details: { ...details, timeoutMs } }),
      lost: false,
    }
  }
  const isAnswer = (answers as ReadonlySet<string>).has(host)
  if (!isAnswer || (driver !== driverStatus.ok && driver !== driverStatus.sense)) {
    const error = new NbError(
      'scsi-transport-lost',
      `${name}: the command did not end with an answer (${host}${isAnswer ? `, driver status ${driver}` : ''})`,
      { details: host === 'DID_RESET' ? { ...details, reset: true } : details },
    )
    return { error, lost: host !== 'DID_RESET' && host !== 'DID_ABORT' }
  }
  const moved = Math.min(request.dataBytes, Math.max(0, request.dataBytes - answer.residualBytes))
  const sense = memory.slice(layout.sense, layout.sense + answer.senseBytes)
  return {
    result: {
      status: answer.status,
      ...(sense.length === 0 ? {} : { sense }),
      dataInBytes: request.direction === 'in' ? moved : 0,
      dataOutBytes: request.direction === 'out' ? moved : 0,
    },
  }
}

/** What it means that the kernel refused a command, a reset or the opening. */
export function refusal(name: string, number: number, call: string): NbError {
  const systemCode = errnoName(number)
  const details = { sent: number === errno.EINTR, systemCode }
  const error = (code: ConstructorParameters<typeof NbError>[0], why: string): NbError =>
    new NbError(code, `${name}: ${why} (${call}: ${systemCode})`, { details })
  switch (number) {
    case errno.EACCES:
    case errno.EPERM:
      return error('scsi-access-denied', 'the system does not let this user do it')
    case errno.EBUSY:
      return error('scsi-access-denied', 'another program uses the device alone')
    case errno.ENOENT:
      return error('not-found', 'there is no such device')
    case errno.ENOTTY:
    case errno.ENOTDIR:
    case errno.EISDIR:
      return error('argument-invalid', 'it is no device of the SCSI drivers')
    case errno.EINVAL:
    case errno.E2BIG:
    case errno.ENOMEM:
      return error(
        'argument-invalid',
        'the kernel cannot pass this command: most likely its data are too long',
      )
    case errno.EINTR:
      return error('scsi-transport-lost', 'a signal interrupted the command, whose end is not known')
    default:
      return error('scsi-transport-lost', 'the device cannot be reached')
  }
}

function errnoName(number: number): string {
  return Object.entries(errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`
}

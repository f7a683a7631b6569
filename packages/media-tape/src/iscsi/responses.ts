import { NbError } from '@nb/contracts'
import { continueBit, dataBytesOf, finalBit, noTag, opcodeOf, responseOpcodes } from './basic-header.ts'

/** The numbers that every PDU of a target carries (RFC 7143, 4.2.2). */
interface ResponseNumbers {
  readonly statusNumber: number
  readonly expectedCommandNumber: number
  readonly maxCommandNumber: number
}

/** By how much a transfer missed what was expected: fewer bytes, or room for more. */
export interface Residual {
  readonly kind: 'underflow' | 'overflow'
  readonly bytes: number
}

interface Tagged extends ResponseNumbers {
  readonly taskTag: number
}

/** The end of a command (RFC 7143, 11.4). */
export interface ScsiResponse extends Tagged {
  readonly kind: 'scsi-response'
  /** Whether the target could run the command at all; only then `status` says something. */
  readonly completed: boolean
  readonly responseCode: number
  readonly status: number
  readonly residual?: Residual
  /** Data-In and R2T PDUs that the target has sent for it. */
  readonly expectedDataNumber: number
}

/** Data of a command that reads (RFC 7143, 11.7). */
export interface DataIn extends Tagged {
  readonly kind: 'data-in'
  readonly final: boolean
  /** With the last data, where no response follows. */
  readonly status?: number
  readonly residual?: Residual
  readonly sequenceNumber: number
  readonly offset: number
  readonly bytes: number
}

/** The target is ready for data (RFC 7143, 11.8). */
export interface ReadyToTransfer extends Tagged {
  readonly kind: 'ready-to-transfer'
  readonly transferTag: number
  readonly sequenceNumber: number
  readonly offset: number
  readonly bytes: number
}

/** The answer of the manager of tasks (RFC 7143, 11.6). */
export interface TaskManagementResponse extends Tagged {
  readonly kind: 'task-management'
  readonly response: number
}

/** A step of a login (RFC 7143, 11.13). */
export interface LoginResponse extends Tagged {
  readonly kind: 'login'
  /** The stage to go on to, where the target agrees to leave this one. */
  readonly nextStage?: number
  readonly stage: number
  readonly continues: boolean
  readonly targetSession: number
  readonly statusClass: number
  readonly statusDetail: number
}

/** An answer in text (RFC 7143, 11.11). */
export interface TextResponse extends Tagged {
  readonly kind: 'text'
  readonly final: boolean
  readonly continues: boolean
  readonly transferTag: number
}

/** The session ends (RFC 7143, 11.15). */
export interface LogoutResponse extends Tagged {
  readonly kind: 'logout'
  readonly response: number
  /** Seconds before another login makes sense. */
  readonly waitSeconds: number
}

/** A ping of the target, or its answer to ours (RFC 7143, 11.19). */
export interface NopIn extends Tagged {
  readonly kind: 'nop-in'
  readonly unit: Buffer
  readonly transferTag: number
}

/** Something that no request of ours led to (RFC 7143, 11.9). */
export interface AsyncMessage extends ResponseNumbers {
  readonly kind: 'async-message'
  readonly event: number
  readonly parameters: readonly [number, number, number]
}

/** A request of ours was no good (RFC 7143, 11.17); its header comes as data. */
export interface Reject extends ResponseNumbers {
  readonly kind: 'reject'
  readonly reason: number
}

/** Whatever a target sends. */
export type TargetPdu =
  | ScsiResponse
  | DataIn
  | ReadyToTransfer
  | TaskManagementResponse
  | LoginResponse
  | TextResponse
  | LogoutResponse
  | NopIn
  | AsyncMessage
  | Reject

/**
 * Reads the header of a PDU that a target sent.
 * @throws NbError `message-invalid` when it is none
 */
export function decodeResponse(header: Buffer): TargetPdu {
  const opcode = opcodeOf(header)
  const flags = header.readUInt8(1)
  const numbers = {
    statusNumber: header.readUInt32BE(24),
    expectedCommandNumber: header.readUInt32BE(28),
    maxCommandNumber: header.readUInt32BE(32),
  }
  const tagged = { ...numbers, taskTag: header.readUInt32BE(16) }
  switch (opcode) {
    case responseOpcodes.dataIn:
      return dataIn(header, flags, tagged)
    case responseOpcodes.scsiResponse:
      return {
        kind: 'scsi-response',
        ...tagged,
        completed: header[2] === 0,
        responseCode: header.readUInt8(2),
        status: header.readUInt8(3),
        ...residualOf(header, flags),
        expectedDataNumber: header.readUInt32BE(36),
      }
    case responseOpcodes.readyToTransfer: {
      const bytes = header.readUInt32BE(44)
      if (bytes === 0) throw malformed('an R2T for no data', { taskTag: tagged.taskTag })
      return {
        kind: 'ready-to-transfer',
        ...tagged,
        transferTag: header.readUInt32BE(20),
        sequenceNumber: header.readUInt32BE(36),
        offset: header.readUInt32BE(40),
        bytes,
      }
    }
    case responseOpcodes.taskManagement:
      return { kind: 'task-management', ...tagged, response: header.readUInt8(2) }
    case responseOpcodes.login:
      return login(header, flags, tagged)
    case responseOpcodes.text: {
      const final = (flags & finalBit) !== 0
      const continues = (flags & continueBit) !== 0
      if (final && continues) throw malformed('a text that is final and goes on', {})
      return { kind: 'text', ...tagged, final, continues, transferTag: header.readUInt32BE(20) }
    }
    case responseOpcodes.logout:
      return {
        kind: 'logout',
        ...tagged,
        response: header.readUInt8(2),
        waitSeconds: header.readUInt16BE(40),
      }
    case responseOpcodes.nopIn:
      return {
        kind: 'nop-in',
        ...tagged,
        unit: Buffer.from(header.subarray(8, 16)),
        transferTag: header.readUInt32BE(20),
      }
    case responseOpcodes.asyncMessage:
      return {
        kind: 'async-message',
        ...numbers,
        event: header.readUInt8(36),
        parameters: [header.readUInt16BE(38), header.readUInt16BE(40), header.readUInt16BE(42)],
      }
    case responseOpcodes.reject:
      return { kind: 'reject', ...numbers, reason: header.readUInt8(2) }
    default:
      throw malformed(`a PDU with opcode 0x${opcode.toString(16)}, which no target sends`, { opcode })
  }
}

function dataIn(header: Buffer, flags: number, tagged: Tagged): DataIn {
  const final = (flags & finalBit) !== 0
  const hasStatus = (flags & 0x01) !== 0
  if (hasStatus && !final) throw malformed('a status before the last data', { taskTag: tagged.taskTag })
  if (tagged.taskTag === noTag) throw malformed('data without a task', {})
  return {
    kind: 'data-in',
    ...tagged,
    final,
    ...(hasStatus ? { status: header.readUInt8(3), ...residualOf(header, flags) } : {}),
    sequenceNumber: header.readUInt32BE(36),
    offset: header.readUInt32BE(40),
    bytes: dataBytesOf(header),
  }
}

function login(header: Buffer, flags: number, tagged: Tagged): LoginResponse {
  const transits = (flags & finalBit) !== 0
  const continues = (flags & continueBit) !== 0
  if (transits && continues) throw malformed('a step of a login that ends its stage and goes on', {})
  return {
    kind: 'login',
    ...tagged,
    stage: (flags >> 2) & 3,
    ...(transits ? { nextStage: flags & 3 } : {}),
    continues,
    targetSession: header.readUInt16BE(14),
    statusClass: header.readUInt8(36),
    statusDetail: header.readUInt8(37),
  }
}

function residualOf(header: Buffer, flags: number): { readonly residual?: Residual } {
  const underflow = (flags & 0x02) !== 0
  const overflow = (flags & 0x04) !== 0
  if (underflow && overflow) throw malformed('a transfer that was too long and too short', {})
  if (!underflow && !overflow) return {}
  return { residual: { kind: underflow ? 'underflow' : 'overflow', bytes: header.readUInt32BE(44) } }
}

/** The error of something that no target may send. */
export function malformed(what: string, details: Readonly<Record<string, number | string>>): NbError {
  return new NbError('message-invalid', `the iSCSI target sent ${what}`, { details })
}

import { finalBit, immediateBit, newHeader, noTag, requestOpcodes } from './basic-header.ts'

/** Where a session stands when a request leaves: the numbers that every request but data carries (RFC 7143, 4.2.2). */
export interface RequestNumbers {
  readonly commandNumber: number
  readonly expectedStatusNumber: number
}

/** A stage of a login (RFC 7143, 11.12.3). */
export const loginStages = { security: 0, operational: 1, fullFeature: 3 } as const
export type LoginStage = (typeof loginStages)[keyof typeof loginStages]

function numbered(header: Buffer, numbers: RequestNumbers): Buffer {
  header.writeUInt32BE(numbers.commandNumber, 24)
  header.writeUInt32BE(numbers.expectedStatusNumber, 28)
  return header
}

/** A SCSI command, as a simple task (RFC 7143, 11.3). */
export function encodeCommand(
  command: {
    readonly taskTag: number
    readonly unit: Uint8Array
    readonly cdb: Uint8Array
    readonly direction: 'in' | 'out' | 'none'
    /** Bytes that are to move in all. */
    readonly expectedBytes: number
    /** Bytes that come with it. */
    readonly immediateBytes: number
    /** Whether no unsolicited data follow. */
    readonly final: boolean
  },
  numbers: RequestNumbers,
): Buffer {
  const header = newHeader(requestOpcodes.scsiCommand, command.immediateBytes, command.taskTag)
  const directions = { in: 0x40, out: 0x20, none: 0 }
  const simpleTask = 1
  header[1] = (command.final ? finalBit : 0) | directions[command.direction] | simpleTask
  header.set(command.unit, 8)
  header.writeUInt32BE(command.expectedBytes, 20)
  header.set(command.cdb, 32)
  return numbered(header, numbers)
}

/** Data of a command that writes (RFC 7143, 11.7). */
export function encodeDataOut(data: {
  readonly taskTag: number
  readonly unit: Uint8Array
  /** The tag of the R2T it answers; `noTag` for unsolicited data. */
  readonly transferTag: number
  readonly sequenceNumber: number
  readonly offset: number
  readonly bytes: number
  readonly final: boolean
  readonly expectedStatusNumber: number
}): Buffer {
  const header = newHeader(requestOpcodes.dataOut, data.bytes, data.taskTag)
  header[1] = data.final ? finalBit : 0
  header.set(data.unit, 8)
  header.writeUInt32BE(data.transferTag, 20)
  header.writeUInt32BE(data.expectedStatusNumber, 28)
  header.writeUInt32BE(data.sequenceNumber, 36)
  header.writeUInt32BE(data.offset, 40)
  return header
}

/** What can be asked of the manager of tasks (RFC 7143, 11.5.1). */
export const taskFunctions = { abortTask: 1, resetUnit: 5 } as const

/** A request to the manager of tasks. It is always immediate, so that a full window can't hold it. */
export function encodeTaskManagement(
  request: {
    readonly taskTag: number
    readonly task: keyof typeof taskFunctions
    readonly unit: Uint8Array
    /** The task that is meant. */
    readonly referenced?: { readonly taskTag: number; readonly commandNumber: number }
  },
  numbers: RequestNumbers,
): Buffer {
  const header = newHeader(requestOpcodes.taskManagement | immediateBit, 0, request.taskTag)
  header[1] = finalBit | taskFunctions[request.task]
  header.set(request.unit, 8)
  header.writeUInt32BE(request.referenced?.taskTag ?? noTag, 20)
  header.writeUInt32BE(request.referenced?.commandNumber ?? 0, 32)
  return numbered(header, numbers)
}

/** A step of a login (RFC 7143, 11.12). */
export function encodeLogin(
  login: {
    readonly taskTag: number
    /** Six bytes that name the initiator's side of the session. */
    readonly sessionId: Uint8Array
    readonly targetSession: number
    readonly stage: LoginStage
    /** The stage to go on to; absent while this one is not done. */
    readonly nextStage?: LoginStage
    readonly textBytes: number
  },
  numbers: RequestNumbers,
): Buffer {
  const header = newHeader(requestOpcodes.login | immediateBit, login.textBytes, login.taskTag)
  header[1] =
    login.nextStage === undefined ? login.stage << 2 : finalBit | (login.stage << 2) | login.nextStage
  header.set(login.sessionId, 8)
  header.writeUInt16BE(login.targetSession, 14)
  return numbered(header, numbers)
}

/** A question in text, or the demand for the rest of an answer (RFC 7143, 11.10). */
export function encodeText(
  request: {
    readonly taskTag: number
    /** The target's tag of the answer that goes on; `noTag` for a new question. */
    readonly transferTag: number
    readonly textBytes: number
  },
  numbers: RequestNumbers,
): Buffer {
  const header = newHeader(requestOpcodes.text | immediateBit, request.textBytes, request.taskTag)
  header[1] = finalBit
  header.writeUInt32BE(request.transferTag, 20)
  return numbered(header, numbers)
}

/** The wish to end the session (RFC 7143, 11.14). */
export function encodeLogout(request: { readonly taskTag: number }, numbers: RequestNumbers): Buffer {
  const closeSession = 0
  const header = newHeader(requestOpcodes.logout | immediateBit, 0, request.taskTag)
  header[1] = finalBit | closeSession
  return numbered(header, numbers)
}

/** A ping, or the answer to one of the target (RFC 7143, 11.18). */
export function encodeNopOut(
  ping: {
    /** `noTag` where no answer is wanted. */
    readonly taskTag: number
    readonly unit?: Uint8Array
    /** The target's tag that is answered; `noTag` for a ping of ours. */
    readonly transferTag: number
    readonly dataBytes: number
  },
  numbers: RequestNumbers,
): Buffer {
  const header = newHeader(requestOpcodes.nopOut | immediateBit, ping.dataBytes, ping.taskTag)
  header[1] = finalBit
  if (ping.unit !== undefined) header.set(ping.unit, 8)
  header.writeUInt32BE(ping.transferTag, 20)
  return numbered(header, numbers)
}

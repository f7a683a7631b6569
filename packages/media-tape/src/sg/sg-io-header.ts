/** Bytes of `struct sg_io_hdr` where pointers have eight (include/scsi/sg.h of Linux). */
export const headerBytes = 88
/** Longest sense data: the field that counts them has one byte, and SPC-4, 4.5.1 allows 252. */
export const senseBytes = 252
/** Longest CDB that goes through a header with one byte for its length, and that this package sends. */
export const cdbBytes = 16

/** Where the parts of a request lie: header, CDB, sense data and data in one piece of memory. */
export const layout = { header: 0, cdb: 96, sense: 128, data: 512 } as const

/** Which way data go. */
export type Direction = 'none' | 'out' | 'in'

/** One command, as the kernel is told. */
export interface SgRequest {
  readonly cdb: Uint8Array
  readonly direction: Direction
  /** Bytes of data, or of room for them. */
  readonly dataBytes: number
  /** From 1 on. The kernel aborts the command at the unit then. */
  readonly timeoutMs: number
}

/** What the kernel says of a command that has ended. */
export interface SgAnswer {
  /** Status byte of the unit (SAM-5, 5.3.1). */
  readonly status: number
  /** How it went between host and unit: `DID_…` of include/scsi/scsi_status.h. */
  readonly hostStatus: number
  /** What the kernel's layers above say: `DRIVER_…`, in its lower four bits. */
  readonly driverStatus: number
  /** Bytes of sense data that were put down. */
  readonly senseBytes: number
  /** Bytes that were asked for and did not move. */
  readonly residualBytes: number
}

const directions: Readonly<Record<Direction, number>> = { none: -1, out: -2, in: -3 }
/** Behind what waits already; the driver's own default is before it. */
const queueAtTail = 0x10
const interfaceId = 'S'.charCodeAt(0)
const longestTimeoutMs = 0x7fff_ffff
const littleEndian = true

/**
 * Puts a request into memory, but for its data.
 *
 * @param address - where that memory lies
 */
export function putRequest(memory: Uint8Array, address: bigint, request: SgRequest): void {
  const header = new DataView(memory.buffer, memory.byteOffset, headerBytes)
  memory.fill(0, 0, layout.data)
  memory.set(request.cdb, layout.cdb)
  header.setInt32(0, interfaceId, littleEndian)
  header.setInt32(4, directions[request.direction], littleEndian)
  header.setUint8(8, request.cdb.length)
  header.setUint8(9, senseBytes)
  header.setUint32(12, request.dataBytes, littleEndian)
  header.setBigUint64(16, request.dataBytes === 0 ? 0n : address + BigInt(layout.data), littleEndian)
  header.setBigUint64(24, address + BigInt(layout.cdb), littleEndian)
  header.setBigUint64(32, address + BigInt(layout.sense), littleEndian)
  header.setUint32(40, Math.min(Math.ceil(request.timeoutMs), longestTimeoutMs), littleEndian)
  header.setUint32(44, queueAtTail, littleEndian)
}

/** Reads what the kernel has put into the header. */
export function answerIn(memory: Uint8Array): SgAnswer {
  const header = new DataView(memory.buffer, memory.byteOffset, headerBytes)
  return {
    status: header.getUint8(64),
    senseBytes: Math.min(header.getUint8(67), senseBytes),
    hostStatus: header.getUint16(68, littleEndian),
    driverStatus: header.getUint16(70, littleEndian),
    residualBytes: header.getInt32(72, littleEndian),
  }
}

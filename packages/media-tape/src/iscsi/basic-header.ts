/** Bytes of every header (RFC 7143, 11.2.1). */
export const headerBytes = 48

/** Bytes of a digest. */
export const digestBytes = 4

/** The tag that stands for none. */
export const noTag = 0xffff_ffff

/** What an initiator sends (RFC 7143, 11.2.1.2). */
export const requestOpcodes = {
  nopOut: 0x00,
  scsiCommand: 0x01,
  taskManagement: 0x02,
  login: 0x03,
  text: 0x04,
  dataOut: 0x05,
  logout: 0x06,
} as const

/** What a target sends. */
export const responseOpcodes = {
  nopIn: 0x20,
  scsiResponse: 0x21,
  taskManagement: 0x22,
  login: 0x23,
  text: 0x24,
  dataIn: 0x25,
  logout: 0x26,
  readyToTransfer: 0x31,
  asyncMessage: 0x32,
  reject: 0x3f,
} as const

/** Bit of the first byte: delivered at once, outside of the order of commands. */
export const immediateBit = 0x40

/** Bit of the second byte: the last of its row. */
export const finalBit = 0x80

/** Bit of the second byte of login and text: the text goes on in the next. */
export const continueBit = 0x40

/** Bytes that fill a data segment up to a multiple of four. */
export function paddingOf(bytes: number): number {
  return -bytes & 3
}

/** A header with only its opcode, the length of its data and the initiator's task tag set. */
export function newHeader(opcode: number, dataBytes: number, taskTag: number): Buffer {
  const header = Buffer.alloc(headerBytes)
  header[0] = opcode
  header.writeUIntBE(dataBytes, 5, 3)
  header.writeUInt32BE(taskTag, 16)
  return header
}

/** The opcode of a header. */
export function opcodeOf(header: Buffer): number {
  return header.readUInt8(0) & 0x3f
}

/** Bytes of additional headers that follow. */
export function additionalBytesOf(header: Buffer): number {
  return header.readUInt8(4) * 4
}

/** Bytes of data that follow, without padding. */
export function dataBytesOf(header: Buffer): number {
  return header.readUIntBE(5, 3)
}

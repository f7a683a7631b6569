import { crc32 } from 'node:zlib'

/*
 * The file of a tape: {@link tapeFileMagic}, then a record for each object, without gaps. A record is a header and the
 * bytes of the block; numbers are little endian.
 *
 * | offset | bytes | header |
 * |---|---|---|
 * | 0 | 4 | `nbTB` a block, `nbTE` one that a drive has encrypted, `nbTF` a filemark |
 * | 4 | 4 | length of the block; 0 for a filemark |
 * | 8 | 4 | bytes it takes on the medium; 0 for a filemark |
 * | 12 | 4 | CRC-32 of the block |
 * | 16 | 4 | objects from the beginning that were durable when this was written |
 * | 20 | 4 | CRC-32 of the 20 bytes before |
 */

/** What the file of a tape begins with. */
export const tapeFileMagic: Buffer = Buffer.from('nbtape1\n')
/** Length of a record without its block. */
export const recordHeaderBytes = 24

const blockMark = 0x4254_626e // 'nbTB'
const encryptedMark = 0x4554_626e // 'nbTE'
const filemarkMark = 0x4654_626e // 'nbTF'

/** A header that is whole. */
export interface RecordHeader {
  readonly filemark: boolean
  readonly encrypted: boolean
  readonly blockBytes: number
  readonly mediaBytes: number
  readonly blockCrc: number
  readonly durableObjects: number
}

/** A record: of a block, or without data of a filemark. It lies in `room`, which is long enough. */
export function encodeRecord(
  room: Buffer,
  durableObjects: number,
  block?: { readonly data: Uint8Array; readonly mediaBytes: number; readonly isEncrypted: boolean },
): Buffer {
  const data = block?.data ?? new Uint8Array(0)
  const record = room.subarray(0, recordHeaderBytes + data.length)
  const mark = block === undefined ? filemarkMark : block.isEncrypted ? encryptedMark : blockMark
  record.writeUInt32LE(mark, 0)
  record.writeUInt32LE(data.length, 4)
  record.writeUInt32LE(block?.mediaBytes ?? 0, 8)
  record.writeUInt32LE(crc32(data), 12)
  record.writeUInt32LE(durableObjects, 16)
  record.writeUInt32LE(crc32(record.subarray(0, 20)), 20)
  record.set(data, recordHeaderBytes)
  return record
}

/** Reads a header; `undefined` when it is not whole. */
export function decodeRecordHeader(header: Buffer): RecordHeader | undefined {
  if (header.length < recordHeaderBytes || header.readUInt32LE(20) !== crc32(header.subarray(0, 20)))
    return undefined
  const mark = header.readUInt32LE(0)
  if (mark !== blockMark && mark !== encryptedMark && mark !== filemarkMark) return undefined
  if (mark === filemarkMark && (header.readUInt32LE(4) !== 0 || header.readUInt32LE(8) !== 0))
    return undefined
  return {
    filemark: mark === filemarkMark,
    encrypted: mark === encryptedMark,
    blockBytes: header.readUInt32LE(4),
    mediaBytes: header.readUInt32LE(8),
    blockCrc: header.readUInt32LE(12),
    durableObjects: header.readUInt32LE(16),
  }
}

/** Whether these are the bytes of the block that the header is of. */
export function isWholeBlock({ blockBytes, blockCrc }: RecordHeader, data: Uint8Array): boolean {
  return data.length === blockBytes && crc32(data) === blockCrc
}

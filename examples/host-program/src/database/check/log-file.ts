import { crc32c, maskedCrc } from './crc32c.ts'

const blockBytes = 32_768
const headBytes = 7
const TYPE = { full: 1, first: 2, middle: 3, last: 4 }

/** What a file in the form of LevelDB's log holds: its log, its manifest. */
export interface LogContent {
  /** The records up to the first damage. */
  readonly records: readonly Buffer[]
  /** What is wrong, if anything is. A torn end, as a crash leaves it, is no damage. */
  readonly fault: string | undefined
  /** Bytes from the damage to the end, if LevelDB takes it for a torn end and goes on without a word. */
  readonly silentBytes: number
}

/**
 * Reads such a file: blocks of 32 KiB that hold pieces of records, each with a checksum over its kind and its bytes.
 *
 * LevelDB itself takes a piece that is longer than the file for one whose writer died, and everything behind it for nothing. So one flipped
 * bit of a length hides all that follows. Here it counts as torn only where what is there is not whole under its real length, and where
 * nothing good comes after it.
 */
export function readLog(bytes: Buffer): LogContent {
  const records: Buffer[] = []
  let pieces: Buffer[] = []
  const damage = (at: number, what: string, isSilent = false): LogContent => ({
    records,
    fault: `${what} at byte ${at}`,
    silentBytes: isSilent ? bytes.length - at : 0,
  })
  for (let at = 0; at + headBytes <= bytes.length;) {
    const blockEnd = Math.min(Math.floor(at / blockBytes + 1) * blockBytes, bytes.length)
    if (blockEnd - at < headBytes) {
      if (!isZero(bytes, at, blockEnd)) return damage(at, 'a block does not end in zeros')
      at = blockEnd
      continue
    }
    const length = bytes.readUInt16LE(at + 4)
    const type = bytes[at + 6] as number
    const end = at + headBytes + length
    if (end > blockEnd) {
      if (blockEnd < bytes.length) return damage(at, 'a piece of a record is longer than its block')
      if (isGood(bytes, at, blockEnd) || hasGoodBehind(bytes, at))
        return damage(at, 'a piece of a record has another length than it says', true)
      break
    }
    if (length === 0 && type === 0) {
      if (!isZero(bytes, at, blockEnd)) return damage(at, 'something stands where nothing was written', true)
      at = blockEnd
      continue
    }
    if (!isGood(bytes, at, end)) return damage(at, 'a piece of a record does not match its checksum')
    const isFirst = type === TYPE.full || type === TYPE.first
    if (type > TYPE.last || isFirst !== (pieces.length === 0))
      return damage(at, 'pieces of records are mixed up')
    pieces.push(bytes.subarray(at + headBytes, end))
    if (type === TYPE.full || type === TYPE.last) {
      records.push(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces))
      pieces = []
    }
    at = end
  }
  return { records, fault: undefined, silentBytes: 0 }
}

function isGood(bytes: Buffer, at: number, end: number): boolean {
  return bytes.readUInt32LE(at) === maskedCrc(crc32c(bytes, at + 6, end))
}

/** Whether a whole piece stands somewhere behind: what comes before it was not the last that was written. */
function hasGoodBehind(bytes: Buffer, from: number): boolean {
  for (let at = from + 1; at + headBytes <= bytes.length; at++) {
    const type = bytes[at + 6] as number
    const end = at + headBytes + bytes.readUInt16LE(at + 4)
    if (type >= TYPE.full && type <= TYPE.last && end <= bytes.length && isGood(bytes, at, end)) return true
  }
  return false
}

function isZero(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false
  return true
}

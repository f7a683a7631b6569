import { crc32c, maskedCrc } from './crc32c.ts'
import { unpackSnappy } from './snappy.ts'
import { VarintReader } from './varint.ts'

const footerBytes = 48
const MAGIC = 0xdb4775248b80fb57n
/** A block is followed by how it is packed, and its checksum. */
const trailerBytes = 5
const PACKED = { not: 0, snappy: 1 }
const mostBlockBytes = 256 * 1024 * 1024

interface Block {
  readonly offset: number
  readonly byteLength: number
}

/** What is wrong with a table of LevelDB, to its last byte; `undefined`: nothing. */
export function tableFault(bytes: Buffer): string | undefined {
  const footerAt = bytes.length - footerBytes
  if (footerAt < 0 || bytes.readBigUInt64LE(bytes.length - 8) !== MAGIC) return 'its end is no end of a table'
  const footer = new VarintReader(bytes.subarray(footerAt, bytes.length - 8))
  const [metaIndex, index] = [handle(footer), handle(footer)]
  if (metaIndex === undefined || index === undefined) return 'its end is garbled'
  if (!bytes.subarray(footerAt + footer.position, bytes.length - 8).every((byte) => byte === 0))
    return 'its end is garbled'
  const found: Block[] = [metaIndex, index]
  for (const list of [metaIndex, index]) {
    const content = contentOf(bytes, list)
    if (typeof content === 'string') return content
    const blocks = blocksIn(content)
    if (blocks === undefined) return `the list of blocks at byte ${list.offset} is garbled`
    found.push(...blocks)
  }
  found.sort((a, b) => a.offset - b.offset)
  let end = 0
  for (const block of found) {
    if (block.offset !== end) return `nothing accounts for byte ${Math.min(end, block.offset)}`
    if (!isGood(bytes, block)) return `the block at byte ${block.offset} does not match its checksum`
    end += block.byteLength + trailerBytes
  }
  return end === footerAt ? undefined : `nothing accounts for byte ${end}`
}

function handle(reader: VarintReader): Block | undefined {
  const offset = reader.number()
  const byteLength = reader.number()
  return offset === undefined || byteLength === undefined ? undefined : { offset, byteLength }
}

function isGood(bytes: Buffer, { offset, byteLength }: Block): boolean {
  const end = offset + byteLength
  if (end + trailerBytes > bytes.length) return false
  return bytes.readUInt32LE(end + 1) === maskedCrc(crc32c(bytes, offset, end + 1))
}

/** What a block of a list holds, unpacked; or what is wrong with it. */
function contentOf(bytes: Buffer, block: Block): Buffer | string {
  const { offset, byteLength } = block
  if (!isGood(bytes, block)) return `the list of blocks at byte ${offset} does not match its checksum`
  const packed = bytes.subarray(offset, offset + byteLength)
  const how = bytes[offset + byteLength]
  const content = how === PACKED.snappy ? unpackSnappy(packed, mostBlockBytes) : packed
  if (content === undefined || (how !== PACKED.not && how !== PACKED.snappy))
    return `the list of blocks at byte ${offset} can't be unpacked`
  return content
}

/** The blocks that the entries of a list name. Keys matter not; they are written as far as they differ from the one before. */
function blocksIn(content: Buffer): readonly Block[] | undefined {
  if (content.length < 4) return undefined
  const end = content.length - 4 - 4 * content.readUInt32LE(content.length - 4)
  if (end < 0) return undefined
  const reader = new VarintReader(content.subarray(0, end))
  const blocks: Block[] = []
  while (!reader.atEnd) {
    const [shared, rest, valueBytes] = [reader.number(), reader.number(), reader.number()]
    if (shared === undefined || rest === undefined || valueBytes === undefined) return undefined
    if (reader.take(rest) === undefined) return undefined
    const value = reader.take(valueBytes)
    const block = value === undefined ? undefined : handle(new VarintReader(value))
    if (block === undefined) return undefined
    blocks.push(block)
  }
  return blocks
}

import { answer, malformed } from './malformed.ts'

/** Which of the two command pairs: MODE SENSE and SELECT (6) or (10). */
export type ModeForm = 6 | 10

/** A mode page without its head. */
export interface ModePage {
  readonly page: number
  /** Present in pages of the sub-page format. */
  readonly subpage?: number
  /** PS: the unit can keep it. @default false */
  readonly savable?: boolean
  /** What stands after the length. */
  readonly data: Uint8Array
}

/** The short block descriptor (SSC-5). `blockBytes` 0: blocks of variable length. */
export interface BlockDescriptor {
  readonly density: number
  /** 0: all of the medium. */
  readonly blocks: number
  readonly blockBytes: number
}

/** What MODE SENSE gives and MODE SELECT takes (SPC-5, mode parameters; SSC-5, mode parameter header). */
export interface ModeParameters {
  readonly mediumType: number
  /** WP; of no meaning in MODE SELECT. */
  readonly writeProtected: boolean
  /** 0: a write ends when it is on the tape; 1: when it is in the drive's buffer. */
  readonly bufferedMode: number
  readonly speed: number
  readonly block?: BlockDescriptor
  readonly pages: readonly ModePage[]
}

/** Bytes of MODE SENSE data, or with `select` of a MODE SELECT list, whose length and WP are reserved. */
export function buildMode(form: ModeForm, mode: ModeParameters, select = false): Uint8Array {
  const head = Buffer.alloc(form === 6 ? 4 : 8)
  const block = mode.block === undefined ? Buffer.alloc(0) : buildBlock(mode.block)
  const bytes = Buffer.concat([head, block, ...mode.pages.map((page) => buildPage(page, select))])
  const specific =
    (mode.writeProtected && !select ? 0x80 : 0) | ((mode.bufferedMode & 7) << 4) | (mode.speed & 15)
  if (form === 6) {
    if (bytes.length > 256) throw new RangeError(`${bytes.length} bytes of mode parameters; form 6 holds 256`)
    bytes.set([select ? 0 : bytes.length - 1, mode.mediumType, specific, block.length])
  } else {
    bytes.writeUInt16BE(select ? 0 : bytes.length - 2, 0)
    bytes.set([mode.mediumType, specific], 2)
    bytes.writeUInt16BE(block.length, 6)
  }
  return bytes
}

/** Reads what MODE SENSE gave, also cut short by the allocation length (whole pages only), or with `select` a MODE SELECT list. */
export function parseMode(form: ModeForm, bytes: Uint8Array, select = false): ModeParameters {
  const what = `MODE ${select ? 'SELECT' : 'SENSE'}(${form})`
  const headBytes = form === 6 ? 4 : 8
  const all = answer(what, bytes, headBytes)
  const told = form === 6 ? (all[0] ?? 0) + 1 : all.readUInt16BE(0) + 2
  const data = select ? all : all.subarray(0, Math.max(told, headBytes))
  const [mediumType = 0, specific = 0] = data.subarray(form === 6 ? 1 : 2)
  const blockBytes = form === 6 ? (data[3] ?? 0) : data.readUInt16BE(6)
  if (blockBytes % 8 !== 0) throw malformed(what, `block descriptors of ${blockBytes} bytes`, bytes)
  const blocks = data.subarray(headBytes, headBytes + blockBytes)
  return {
    mediumType,
    writeProtected: (specific & 0x80) !== 0,
    bufferedMode: (specific >> 4) & 7,
    speed: specific & 15,
    ...(blocks.length >= 8 ? { block: parseBlock(blocks) } : {}),
    pages: parsePages(
      data.subarray(headBytes + blockBytes),
      select ? () => malformed(what, 'a page is cut short', bytes) : undefined,
    ),
  }
}

function buildBlock({ density, blocks, blockBytes }: BlockDescriptor): Buffer {
  const bytes = Buffer.alloc(8)
  bytes[0] = density
  bytes.writeUIntBE(blocks, 1, 3)
  bytes.writeUIntBE(blockBytes, 5, 3)
  return bytes
}

function parseBlock(bytes: Buffer): BlockDescriptor {
  return { density: bytes[0] ?? 0, blocks: bytes.readUIntBE(1, 3), blockBytes: bytes.readUIntBE(5, 3) }
}

function buildPage({ page, subpage, savable, data }: ModePage, select: boolean): Buffer {
  const first = (savable === true && !select ? 0x80 : 0) | (page & 0x3f)
  if (subpage === undefined) return Buffer.concat([Buffer.from([first, data.length]), data])
  const head = Buffer.from([first | 0x40, subpage, 0, 0])
  head.writeUInt16BE(data.length, 2)
  return Buffer.concat([head, data])
}

function parsePages(data: Buffer, onCut: (() => Error) | undefined): readonly ModePage[] {
  const pages: ModePage[] = []
  for (let at = 0; at + 2 <= data.length;) {
    const [first = 0, second = 0] = data.subarray(at)
    const long = (first & 0x40) !== 0
    const head = long ? 4 : 2
    const length = !long ? second : at + 4 <= data.length ? data.readUInt16BE(at + 2) : Infinity
    if (at + head + length > data.length) {
      if (onCut !== undefined) throw onCut()
      break
    }
    pages.push({
      page: first & 0x3f,
      ...(long ? { subpage: second } : {}),
      ...((first & 0x80) !== 0 ? { savable: true } : {}),
      data: Uint8Array.from(data.subarray(at + head, at + head + length)),
    })
    at += head + length
  }
  return pages
}

/** A page of these parameters, `undefined` when the unit has none. */
export function findPage(mode: ModeParameters, page: number, subpage?: number): ModePage | undefined {
  return mode.pages.find((one) => one.page === page && one.subpage === subpage)
}

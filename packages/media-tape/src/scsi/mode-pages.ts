import { answer } from './malformed.ts'
import type { ModePage } from './mode.ts'
import { modePage } from './command-codes.ts'

/** Data compression page, 0Fh (SSC-5). */
export interface CompressionPage {
  /** DCE: what is written is compressed. */
  readonly enabled: boolean
  /** DCC: the drive can compress. */
  readonly capable: boolean
  /** DDE: what was compressed is read as it was before. */
  readonly decompress: boolean
  readonly algorithm: number
}

export function buildCompressionPage(page: CompressionPage): ModePage {
  const data = Buffer.alloc(14)
  data[0] = (page.enabled ? 0x80 : 0) | (page.capable ? 0x40 : 0)
  data[1] = page.decompress ? 0x80 : 0
  data.writeUInt32BE(page.algorithm, 2)
  data.writeUInt32BE(page.algorithm, 6)
  return { page: modePage.compression, data }
}

export function parseCompressionPage({ data }: ModePage): CompressionPage {
  const bytes = answer('MODE SENSE, page 0Fh', data, 10)
  const [first = 0, second = 0] = bytes
  return {
    enabled: (first & 0x80) !== 0,
    capable: (first & 0x40) !== 0,
    decompress: (second & 0x80) !== 0,
    algorithm: bytes.readUInt32BE(2),
  }
}

/** Medium configuration page of a drive, 1Dh (SSC-5). */
export interface MediumConfigurationPage {
  /** WORMM: the volume can be written once. */
  readonly worm: boolean
}

export function buildMediumConfigurationPage({ worm }: MediumConfigurationPage): ModePage {
  const data = Buffer.alloc(30)
  data[0] = worm ? 1 : 0
  return { page: modePage.mediumConfiguration, data }
}

export function parseMediumConfigurationPage({ data }: ModePage): MediumConfigurationPage {
  const [first = 0] = answer('MODE SENSE, page 1Dh', data, 1)
  return { worm: (first & 1) !== 0 }
}

/** Some elements of a changer, one after the other. */
export interface ElementRange {
  readonly first: number
  readonly count: number
}

/** Element address assignment page of a changer, 1Dh (SMC-3). */
export interface ElementAddresses {
  readonly transport: ElementRange
  readonly storage: ElementRange
  readonly importExport: ElementRange
  readonly drive: ElementRange
}

const ranges = ['transport', 'storage', 'importExport', 'drive'] as const

export function buildElementAddresses(addresses: ElementAddresses): ModePage {
  const data = Buffer.alloc(18)
  for (const [index, name] of ranges.entries()) {
    data.writeUInt16BE(addresses[name].first, index * 4)
    data.writeUInt16BE(addresses[name].count, index * 4 + 2)
  }
  return { page: modePage.elementAddresses, data }
}

export function parseElementAddresses({ data }: ModePage): ElementAddresses {
  const bytes = answer('MODE SENSE, page 1Dh', data, 16)
  const range = (at: number): ElementRange => ({
    first: bytes.readUInt16BE(at),
    count: bytes.readUInt16BE(at + 2),
  })
  return { transport: range(0), storage: range(4), importExport: range(8), drive: range(12) }
}

/** Device capabilities page of a changer, 1Fh (SMC-3). Lists hold element types (`elementType`). */
export interface ChangerCapabilities {
  /** Which types of elements can hold a volume. */
  readonly holds: readonly number[]
  /** By source type, to which types MOVE MEDIUM goes. */
  readonly moves: Readonly<Record<number, readonly number[]>>
  /** By source type, with which types EXCHANGE MEDIUM goes. */
  readonly exchanges: Readonly<Record<number, readonly number[]>>
}

const typesOf = (mask: number): readonly number[] =>
  [1, 2, 3, 4].filter((type) => (mask & (1 << (type - 1))) !== 0)
const maskOf = (types: readonly number[] = []): number =>
  types.reduce((mask, type) => mask | (1 << (type - 1)), 0)

export function buildChangerCapabilities({ holds, moves, exchanges }: ChangerCapabilities): ModePage {
  const data = Buffer.alloc(18)
  data[0] = maskOf(holds)
  for (const type of [1, 2, 3, 4]) {
    data[1 + type] = maskOf(moves[type])
    data[9 + type] = maskOf(exchanges[type])
  }
  return { page: modePage.changerCapabilities, data }
}

export function parseChangerCapabilities({ data }: ModePage): ChangerCapabilities {
  const bytes = answer('MODE SENSE, page 1Fh', data, 14)
  const table = (at: number): Record<number, readonly number[]> =>
    Object.fromEntries([1, 2, 3, 4].map((type) => [type, typesOf(bytes[at + type - 1] ?? 0)]))
  return { holds: typesOf(bytes[0] ?? 0), moves: table(2), exchanges: table(10) }
}

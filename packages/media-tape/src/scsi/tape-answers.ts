import { answer, putText, textOf } from './malformed.ts'

/** READ BLOCK LIMITS data (SSC-5). Without a fixed block length any length in between is allowed. */
export interface BlockLimits {
  /** Lengths are multiples of two to this power. */
  readonly granularity: number
  /** 0: no limit is told. */
  readonly mostBytes: number
  readonly leastBytes: number
}

export function buildBlockLimits({ granularity, mostBytes, leastBytes }: BlockLimits): Uint8Array {
  const bytes = Buffer.alloc(6)
  bytes[0] = granularity & 0x1f
  bytes.writeUIntBE(mostBytes, 1, 3)
  bytes.writeUInt16BE(leastBytes, 4)
  return bytes
}

export function parseBlockLimits(bytes: Uint8Array): BlockLimits {
  const data = answer('READ BLOCK LIMITS', bytes, 6)
  return {
    granularity: (data[0] ?? 0) & 0x1f,
    mostBytes: data.readUIntBE(1, 3),
    leastBytes: data.readUInt16BE(4),
  }
}

/** READ POSITION data, short and long form (SSC-5). */
export interface ReportedPosition {
  /** BOP: at the beginning of the partition. */
  readonly beginning: boolean
  /** EOP: between the early warning and the end of the partition. */
  readonly nearEnd: boolean
  readonly partition: number
  /** Logical objects before here; absent where the drive does not know (LOLU, LONU). */
  readonly object?: number
  /** Filemarks before here; absent in the short form, and where the drive doesn't know (MPU). */
  readonly file?: number
  /** Objects in the drive's buffer that are not on the tape yet; short form. */
  readonly bufferedObjects?: number
}

export const shortPositionBytes = 20
export const longPositionBytes = 32

export function buildShortPosition(position: ReportedPosition): Uint8Array {
  const bytes = Buffer.alloc(shortPositionBytes)
  const { object, bufferedObjects = 0 } = position
  bytes[0] = (position.beginning ? 0x80 : 0) | (position.nearEnd ? 0x40 : 0)
  bytes[1] = position.partition
  if (object === undefined) bytes[0] |= 0x04
  // LOLU and PERR: the object's number does not fit into this form.
  else if (object > 0xffff_ffff) bytes[0] |= 0x04 | 0x02
  else {
    bytes.writeUInt32BE(object, 4)
    bytes.writeUInt32BE(Math.max(0, object - bufferedObjects), 8)
  }
  bytes.writeUIntBE(Math.min(bufferedObjects, 0xff_ffff), 13, 3)
  return bytes
}

export function parseShortPosition(bytes: Uint8Array): ReportedPosition {
  const data = answer('READ POSITION, short form', bytes, shortPositionBytes)
  const [flags = 0, partition = 0] = data
  return {
    beginning: (flags & 0x80) !== 0,
    nearEnd: (flags & 0x40) !== 0,
    partition,
    ...((flags & 0x06) === 0 ? { object: data.readUInt32BE(4) } : {}),
    // LOCU: how many objects are in the buffer isn't known.
    ...((flags & 0x20) === 0 ? { bufferedObjects: data.readUIntBE(13, 3) } : {}),
  }
}

export function buildLongPosition(position: ReportedPosition): Uint8Array {
  const bytes = Buffer.alloc(longPositionBytes)
  const { object, file } = position
  bytes[0] =
    (position.beginning ? 0x80 : 0) |
    (position.nearEnd ? 0x40 : 0) |
    (file === undefined ? 0x08 : 0) |
    (object === undefined ? 0x04 : 0)
  bytes.writeUInt32BE(position.partition, 4)
  bytes.writeBigUInt64BE(BigInt(object ?? 0), 8)
  bytes.writeBigUInt64BE(BigInt(file ?? 0), 16)
  return bytes
}

export function parseLongPosition(bytes: Uint8Array): ReportedPosition {
  const data = answer('READ POSITION, long form', bytes, longPositionBytes)
  const flags = data[0] ?? 0
  const object = Number(data.readBigUInt64BE(8))
  const file = Number(data.readBigUInt64BE(16))
  return {
    beginning: (flags & 0x80) !== 0,
    nearEnd: (flags & 0x40) !== 0,
    partition: data.readUInt32BE(4),
    ...((flags & 0x04) === 0 && Number.isSafeInteger(object) ? { object } : {}),
    ...((flags & 0x08) === 0 && Number.isSafeInteger(file) ? { file } : {}),
  }
}

/** One recording format, as REPORT DENSITY SUPPORT describes it (SSC-5). */
export interface DensityDescriptor {
  readonly primary: number
  readonly secondary: number
  /** WRTOK: it can be written in this format here. */
  readonly writable: boolean
  /** DEFLT: what is taken unless told otherwise. */
  readonly isDefault: boolean
  readonly bitsPerMm: number
  /** Tenths of a millimetre. */
  readonly mediaWidth: number
  readonly tracks: number
  /** Millions of bytes. */
  readonly capacityMegabytes: number
  readonly organization: string
  readonly name: string
  readonly description: string
}

const densityBytes = 52

export function buildDensities(densities: readonly DensityDescriptor[]): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(2 + densities.length * densityBytes, 0)
  return Buffer.concat([head, ...densities.map(buildDensity)])
}

/** Whole descriptors only; one that was cut off by the allocation length is left out. */
export function parseDensities(bytes: Uint8Array): readonly DensityDescriptor[] {
  const all = answer('REPORT DENSITY SUPPORT', bytes, 4)
  const data = all.subarray(4, Math.max(4, all.readUInt16BE(0) + 2))
  const densities: DensityDescriptor[] = []
  for (let at = 0; at + densityBytes <= data.length;) {
    const one = data.subarray(at)
    densities.push(parseDensity(one))
    // DLV: the descriptor tells how many bytes follow its own first five.
    at += ((one[2] ?? 0) & 1) !== 0 ? Math.max(densityBytes, 5 + one.readUInt16BE(3)) : densityBytes
  }
  return densities
}

function buildDensity(density: DensityDescriptor): Buffer {
  const bytes = Buffer.alloc(densityBytes)
  bytes[0] = density.primary
  bytes[1] = density.secondary
  bytes[2] = (density.writable ? 0x80 : 0) | (density.isDefault ? 0x20 : 0)
  bytes.writeUIntBE(density.bitsPerMm, 5, 3)
  bytes.writeUInt16BE(density.mediaWidth, 8)
  bytes.writeUInt16BE(density.tracks, 10)
  bytes.writeUInt32BE(density.capacityMegabytes, 12)
  putText(bytes, 16, 8, density.organization)
  putText(bytes, 24, 8, density.name)
  putText(bytes, 32, 20, density.description)
  return bytes
}

function parseDensity(data: Buffer): DensityDescriptor {
  const [primary = 0, secondary = 0, flags = 0] = data
  return {
    primary,
    secondary,
    writable: (flags & 0x80) !== 0,
    isDefault: (flags & 0x20) !== 0,
    bitsPerMm: data.readUIntBE(5, 3),
    mediaWidth: data.readUInt16BE(8),
    tracks: data.readUInt16BE(10),
    capacityMegabytes: data.readUInt32BE(12),
    organization: textOf(data.subarray(16, 24)),
    name: textOf(data.subarray(24, 32)),
    description: textOf(data.subarray(32, 52)),
  }
}

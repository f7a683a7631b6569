import { NbError } from '@nb/contracts'

/** How a new volume of an emulated library is. */
export interface VolumeOptions {
  /** Name of the cartridge, also of its files: 1–32 letters and digits. */
  readonly name: string
  /** What its label says; `null` where it has none, or none that can be read. @default its name */
  readonly barcode?: string | null
  /** A `worm` can be written only at the end of its data. A `cleaning` cartridge holds no data. @default 'data' */
  readonly kind?: 'data' | 'worm' | 'cleaning'
  /** Bytes of the medium, from 1 on. @default the library's */
  readonly capacityBytes?: number
  /** The last bytes of the capacity, in which the early warning is given; 0: the end comes without one. @default the library's */
  readonly earlyWarningBytes?: number
  /** How its tab stands. @default false */
  readonly writeProtected?: boolean
  /** How often a cleaning cartridge cleans, 0–1000. @default 50 */
  readonly cleanings?: number
  /** Objects at which the medium is damaged: written there, or read, they fail. @default none */
  readonly damaged?: { readonly writing?: readonly number[]; readonly reading?: readonly number[] }
  /** What is recorded on it at first: blocks, and `null` for filemarks. @default nothing */
  readonly contents?: readonly (Uint8Array | null)[]
}

/** A host's attribute in the memory of a cartridge (SPC-5, medium auxiliary memory). */
export interface StoredAttribute {
  /** 0 binary, 1 ASCII, 2 text. */
  readonly format: number
  /** The value's bytes in hexadecimal. */
  readonly hex: string
}

/** What a cartridge remembers besides its tape: its label, its tab, its memory chip, its wear. */
export interface Volume {
  readonly version: 1
  readonly name: string
  readonly barcode: string | null
  /** Serial number, of the chip. */
  readonly serial: string
  readonly kind: 'data' | 'worm' | 'cleaning'
  readonly capacityBytes: number
  readonly earlyWarningBytes: number
  readonly writeProtected: boolean
  readonly loads: number
  /** Bytes of blocks over its whole life, up to the last unload. */
  readonly writtenBytes: number
  readonly readBytes: number
  readonly cleaningsLeft: number
  /** Serial numbers of the drives that loaded it, the latest first, at most four. */
  readonly drives: readonly string[]
  /** Hosts' attributes by identifier in hexadecimal. */
  readonly attributes: Readonly<Record<string, StoredAttribute>>
  readonly damaged: { readonly writing: readonly number[]; readonly reading: readonly number[] }
}

/** A new volume. Throws `TypeError` for an option out of bounds. */
export function makeVolume(
  options: VolumeOptions,
  library: { readonly capacityBytes: number; readonly earlyWarningBytes: number },
): Volume {
  const { name, kind = 'data', barcode = name, cleanings = 50, damaged } = options
  if (!/^[A-Za-z0-9]{1,32}$/.test(name))
    throw new TypeError(`${JSON.stringify(name)} names no cartridge; allowed: 1–32 letters and digits`)
  if (barcode !== null && !/^[\x21-\x7e]{1,32}$/.test(barcode))
    throw new TypeError(`barcode ${JSON.stringify(barcode)}; allowed: 1–32 printable characters`)
  const capacityBytes = options.capacityBytes ?? library.capacityBytes
  const earlyWarningBytes =
    options.earlyWarningBytes ?? Math.min(library.earlyWarningBytes, options.capacityBytes ?? Infinity)
  checkWhole('capacityBytes', capacityBytes, 1, Number.MAX_SAFE_INTEGER)
  checkWhole('earlyWarningBytes', earlyWarningBytes, 0, capacityBytes)
  checkWhole('cleanings', cleanings, 0, 1000)
  return {
    version: 1,
    name,
    barcode,
    serial: `S${name}`.slice(0, 32),
    kind,
    capacityBytes,
    earlyWarningBytes,
    writeProtected: options.writeProtected ?? false,
    loads: 0,
    writtenBytes: 0,
    readBytes: 0,
    cleaningsLeft: kind === 'cleaning' ? cleanings : 0,
    drives: [],
    // As a library does that writes the labels it sees into the chips (SPC-5, attribute 0806h).
    attributes: barcode === null ? {} : { '0806': { format: 1, hex: Buffer.from(barcode).toString('hex') } },
    damaged: { writing: damaged?.writing ?? [], reading: damaged?.reading ?? [] },
  }
}

/** A volume as it was saved. Throws `store-corrupt` for what is none. */
export function parseVolume(record: unknown, name: string): Volume {
  if (isVolume(record) && record.name === name) return record
  throw new NbError('store-corrupt', `the record of cartridge ${name} tells of none`, { details: { name } })
}

function isVolume(record: unknown): record is Volume {
  if (!isRecord(record) || !isRecord(record['damaged']) || !isRecord(record['attributes'])) return false
  const { version, barcode, kind, serial, writeProtected, drives } = record
  const counts = ['capacityBytes', 'earlyWarningBytes', 'loads', 'writtenBytes', 'readBytes', 'cleaningsLeft']
  return (
    version === 1 &&
    (barcode === null || typeof barcode === 'string') &&
    ['data', 'worm', 'cleaning'].includes(kind as string) &&
    typeof serial === 'string' &&
    typeof writeProtected === 'boolean' &&
    counts.every((count) => isCount(record[count])) &&
    isListOf(drives, (drive) => typeof drive === 'string') &&
    isListOf(record['damaged']['writing'], isCount) &&
    isListOf(record['damaged']['reading'], isCount) &&
    Object.entries(record['attributes']).every(([id, one]) => /^[0-9a-f]{4}$/.test(id) && isAttribute(one))
  )
}

function isAttribute(value: unknown): value is StoredAttribute {
  return (
    isRecord(value) &&
    [0, 1, 2].includes(value['format'] as number) &&
    typeof value['hex'] === 'string' &&
    /^([0-9a-f]{2})*$/.test(value['hex'])
  )
}

/** An object with properties, and no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((one) => isOne(one))
}

/** The volume after a drive has loaded it. */
export function afterLoad(volume: Volume, driveSerial: string): Volume {
  const drives = [driveSerial, ...volume.drives].slice(0, 4)
  return { ...volume, loads: volume.loads + 1, drives }
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

/** Throws `TypeError` for a number out of its bounds. */
export function checkWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new TypeError(`${name} is ${value}; allowed: a whole number ${least}–${most}`)
}

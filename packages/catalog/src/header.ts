import { crc32 } from 'node:zlib'
import { type ImageRecord, NbError } from '@nb/contracts'
import { checkImageRecord } from './check-record.ts'

const format = 'nb-image/1'
const form = /^nb-image\/(\d+)(?:\.\d+)?$/

/** The content of an image's header: the record as JSON that a person can read, and a checksum over it. */
export function encodeHeader(image: ImageRecord): Buffer {
  return Buffer.from(`${JSON.stringify({ format, image, crc32: checksumOf(image) }, null, 2)}\n`)
}

/**
 * The record of a header.
 *
 * Throws `version-unsupported` for a newer major version, `store-corrupt` for anything that is no header of this image.
 */
export function decodeHeader(content: Buffer, backupId: string, path: string): ImageRecord {
  try {
    const header = JSON.parse(content.toString('utf8')) as Record<string, unknown> | null
    const version = form.exec(String(header?.['format']))?.[1]
    if (header === null || version === undefined) throw new TypeError(`it does not say ${format}`)
    if (Number(version) > 1) throw newerVersion(String(header['format']), backupId, path)
    if (header['crc32'] !== checksumOf(header['image'])) throw new TypeError('its checksum does not match')
    const image = checkImageRecord(header['image'])
    if (image.backupId !== backupId) throw new TypeError(`it is the header of ${image.backupId}`)
    return image
  } catch (error) {
    if (error instanceof NbError) throw error
    throw damagedHeader(backupId, path, (error as Error).message, error)
  }
}

/** The error of a header that can't be read. */
export function damagedHeader(backupId: string, path: string, why: string, cause?: unknown): NbError {
  return new NbError(
    'store-corrupt',
    `the header of image ${backupId} can't be read: ${why}; bring ${path} back from a copy of the catalog, or make it again from its medium: nb import UNIT ${backupId}`,
    { details: { backupId, path }, cause },
  )
}

function newerVersion(found: string, backupId: string, path: string): NbError {
  return new NbError(
    'version-unsupported',
    `the header ${path} of image ${backupId} is ${found}, this version reads ${format}; nothing of the image is touched: run the newer version`,
    { details: { backupId, path, format: found } },
  )
}

/** Over the compact JSON of the record, so that spaces and line ends do not count. */
function checksumOf(image: unknown): string {
  return crc32(JSON.stringify(image) ?? '')
    .toString(16)
    .padStart(8, '0')
}

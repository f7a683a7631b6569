import { checksumOf, checksumText } from '../checksum.ts'
import { FormatError } from '../format-error.ts'
import { NB_DIRECTORY, decodeJsonMember, encodeJsonMember } from '../fragment/tar-member.ts'
import type { JsonFields } from '../fragment/tar-member.ts'
import { TAPE_BLOCK_BYTES, TAPE_FORMAT } from './tape.ts'
import type { TapeIdentity, TapePlace } from './tape.ts'

const VOLUME_ID = /^[A-Z0-9]{1,6}$/
/** File and block numbers take four bytes, here and in what drives report. */
const MAX_NUMBER = 2 ** 32 - 1

/** The checksum of a block as text, as headers and footers name one another. */
export function tapeBlockChecksum(block: Uint8Array): string {
  return checksumText(checksumOf(block))
}

/** Whether a volume id can stand in a label. */
export function isVolumeId(text: string): boolean {
  return VOLUME_ID.test(text)
}

/** The JSON members that blocks of a tape begin with. */
export type TapeMember =
  'VOLUME.json' | 'FRAGMENT.json' | 'FOOTER.json' | 'MULTIPLEX.json' | 'STREAMS.json' | 'END.json'

/** Whether a block begins as one with this member does; nothing of it is checked. */
export function beginsWithTapeMember(block: Uint8Array, member: TapeMember): boolean {
  const name = `${NB_DIRECTORY}${member}\0`
  return Buffer.from(block.buffer, block.byteOffset, block.length).toString('latin1', 0, name.length) === name
}

/** One block, or what an end marker leaves of it, that is one JSON member. */
export function encodeJsonBlock(
  name: string,
  created: string,
  fields: object,
  memberBytes: number = TAPE_BLOCK_BYTES,
): Buffer {
  checkTime(created)
  return encodeJsonMember(NB_DIRECTORY + name, memberBytes, created, { format: TAPE_FORMAT, ...fields })
}

/** Reads what {@link encodeJsonBlock} made; format and version are checked. */
export function decodeJsonBlock(block: Uint8Array, name: string, memberBytes?: number): JsonFields {
  const fields = decodeJsonMember(wholeBlock(block).subarray(0, memberBytes), NB_DIRECTORY + name, 0)
  fields.checkFormat(TAPE_FORMAT)
  return fields
}

/** A view of a block of the one size that there is. */
export function wholeBlock(block: Uint8Array): Buffer {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.length)
  if (bytes.length < TAPE_BLOCK_BYTES)
    throw new FormatError('FRAGMENT_TRUNCATED', bytes.length, 'A block of a tape is too short')
  if (bytes.length > TAPE_BLOCK_BYTES)
    throw new FormatError('FORMAT_UNKNOWN', TAPE_BLOCK_BYTES, 'A block of a tape is too long')
  return bytes
}

/** The identity of a tape out of what is to be written. */
export function identityOf({ volume, generation }: TapeIdentity): TapeIdentity {
  if (!isVolumeId(volume)) throw new TypeError('a volume id is one to six of A–Z and 0–9')
  if (generation === '') throw new TypeError('generation must not be empty')
  return { volume, generation }
}

/** The place out of what is to be written. */
export function placeOf(place: TapePlace): TapePlace {
  checkNumber('file', place.file)
  return { ...identityOf(place), file: place.file }
}

/** The identity of a tape as it was written. */
export function readIdentity(fields: JsonFields): TapeIdentity {
  const volume = fields.text('volume')
  if (!isVolumeId(volume)) throw fields.fault('volume', 'no volume id')
  return { volume, generation: fields.text('generation') }
}

/** The place as it was written. */
export function readPlace(fields: JsonFields): TapePlace {
  return { ...readIdentity(fields), file: readNumber(fields, 'file') }
}

/** A file or block number as it was written. */
export function readNumber(fields: JsonFields, field: string, least = 0, most: number = MAX_NUMBER): number {
  const value = fields.count(field, least)
  if (value > most) throw fields.fault(field, `over ${most}`)
  return value
}

/** A time as it was written. */
export function readTime(fields: JsonFields): string {
  const created = fields.text('created')
  if (Number.isNaN(Date.parse(created))) throw fields.fault('created', 'no time')
  return created
}

/** Refuses a number that cannot be written. */
export function checkNumber(name: string, value: number, least = 0, most: number = MAX_NUMBER): void {
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw new TypeError(`${name} must be a whole number from ${least} to ${most}`)
}

/** Refuses a time that cannot be written. */
export function checkTime(created: string): void {
  if (Number.isNaN(Date.parse(created))) throw new TypeError('created must be a time in ISO 8601')
}

/**
 * Checks that a block is of the place where it was looked for: a header, footer or end that is whole may still be another's.
 *
 * @param found - what was read
 * @param expected - what must stand there
 * @throws FormatError `TAPE_MISPLACED`
 */
export function checkTapePlace(found: TapePlace, expected: TapePlace): void {
  for (const field of ['volume', 'generation', 'file'] as const)
    if (found[field] !== expected[field])
      throw new FormatError(
        'TAPE_MISPLACED',
        0,
        `A block of ${field} ${found[field]} stands where ${expected[field]} was looked for`,
      )
}

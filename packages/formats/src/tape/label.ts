import { FormatError } from '../format-error.ts'
import { isVolumeId } from './json-block.ts'
import { TAPE_FORMAT } from './tape.ts'

/** Bytes of the label, the only block that is not of 256 KiB. */
export const TAPE_LABEL_BYTES = 80

/** Fields of a volume header label (ANSI X3.27-1987, ISO 1001 clause 8.1): where each begins. */
const FIELD = {
  volume: 4,
  accessibility: 10,
  implementation: 24,
  owner: 37,
  reserved: 51,
  version: 79,
} as const
const VOLUME_BYTES = FIELD.accessibility - FIELD.volume
const IMPLEMENTATION = /^NB-TAPE\/(\d+) *$/

/**
 * The first block of a tape.
 *
 * @param volume - volume id
 * @throws TypeError - it is none
 */
export function encodeTapeLabel(volume: string): Buffer {
  if (!isVolumeId(volume)) throw new TypeError('a volume id is one to six of A–Z and 0–9')
  const label = Buffer.alloc(TAPE_LABEL_BYTES, ' ')
  label.write('VOL1')
  label.write(volume, FIELD.volume)
  label.write(TAPE_FORMAT.toUpperCase(), FIELD.implementation)
  label.write('NB', FIELD.owner)
  label.write('4', FIELD.version)
  return label
}

/**
 * Reads a label of ours.
 *
 * @param block - the first block of a tape
 * @returns the volume id
 * @throws FormatError `FORMAT_UNKNOWN` - something else stands there; `FORMAT_VERSION_UNSUPPORTED`; `FRAGMENT_INVALID` -
 *   ours, and damaged
 */
export function decodeTapeLabel(block: Uint8Array): string {
  const label = Buffer.from(block.buffer, block.byteOffset, block.length)
  const implementation = IMPLEMENTATION.exec(label.toString('latin1', FIELD.implementation, FIELD.owner))
  if (label.length !== TAPE_LABEL_BYTES || label.toString('latin1', 0, 4) !== 'VOL1' || !implementation)
    throw new FormatError('FORMAT_UNKNOWN', 0, 'No label of nb')
  if (`nb-tape/${implementation[1] ?? ''}` !== TAPE_FORMAT)
    throw new FormatError('FORMAT_VERSION_UNSUPPORTED', FIELD.implementation, 'A label of another version')
  const volume = label.toString('latin1', FIELD.volume, FIELD.volume + VOLUME_BYTES).trimEnd()
  if (isVolumeId(volume) && label.equals(encodeTapeLabel(volume))) return volume
  throw new FormatError('FRAGMENT_INVALID', FIELD.volume, 'A label of nb with impossible fields')
}

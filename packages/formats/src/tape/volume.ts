import { encodeOwnMember } from '../fragment/tar-member.ts'
import {
  checkTime,
  decodeJsonBlock,
  encodeJsonBlock,
  identityOf,
  readIdentity,
  readTime,
} from './json-block.ts'
import { tapeReadme } from './read-me.ts'
import { TAPE_BLOCK_BYTES } from './tape.ts'
import type { TapeVolume } from './tape.ts'

const NAME = 'VOLUME.json'

/**
 * The block after the label: what this tape is, and how it is read without us.
 *
 * @param volume - what to say
 * @throws TypeError - a field is out of its range
 */
export function encodeTapeVolume(volume: TapeVolume): Buffer {
  const { barcode, pool, created, keyLabel } = volume
  return encodeJsonBlock(NAME, created, {
    ...identityOf(volume),
    ...(barcode === undefined ? {} : { barcode }),
    pool,
    blockBytes: TAPE_BLOCK_BYTES,
    created,
    ...(keyLabel === undefined ? {} : { keyLabel }),
    readme: tapeReadme(keyLabel),
  })
}

/**
 * Reads what {@link encodeTapeVolume} made.
 *
 * @param block - the second block of a tape
 * @throws FormatError `FRAGMENT_TRUNCATED`, `FORMAT_UNKNOWN`, `FORMAT_VERSION_UNSUPPORTED`, `FRAGMENT_CHECKSUM`,
 *   `FRAGMENT_INVALID`
 */
export function decodeTapeVolume(block: Uint8Array): TapeVolume {
  const fields = decodeJsonBlock(block, NAME)
  if (fields.count('blockBytes') !== TAPE_BLOCK_BYTES) throw fields.fault('blockBytes', 'another')
  return {
    ...readIdentity(fields),
    ...(fields.has('barcode') ? { barcode: fields.text('barcode') } : {}),
    pool: fields.text('pool'),
    created: readTime(fields),
    ...(fields.has('keyLabel') ? { keyLabel: fields.text('keyLabel') } : {}),
  }
}

/**
 * Tape file 1: a tar of one block with the text {@link TAPE_README}.
 *
 * @param created - time of the text, ISO 8601
 * @param keyLabel - of the key with which the drive encrypts what follows; the text begins with that
 */
export function encodeTapeReadme(created: string, keyLabel?: string): Buffer {
  checkTime(created)
  const text = Buffer.from(tapeReadme(keyLabel))
  const block = Buffer.alloc(TAPE_BLOCK_BYTES)
  const header = encodeOwnMember('README.txt', text.length, created)
  header.copy(block)
  text.copy(block, header.length)
  return block
}

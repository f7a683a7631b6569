import { CHECKSUM_SPACES, FIELD, writeChecksum, writeMagic } from '../../src/archive/ustar.ts'

/** Gives a header block that a test has written its magic and checksum. */
export function sealHeaderBlock(target: Buffer, at: number): void {
  writeMagic(target, at)
  target.fill(0, at + FIELD.checksum, at + FIELD.checksum + 8)
  let sum = CHECKSUM_SPACES
  for (const byte of target.subarray(at, at + 512)) sum += byte
  writeChecksum(target, at, sum)
}

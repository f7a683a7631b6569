import { NbError } from '@nb/contracts'

/** The error for an answer that can't be what it should be. */
export function malformed(what: string, why: string, bytes: Uint8Array): NbError {
  return new NbError('message-invalid', `the answer to ${what} can not be read: ${why}`, {
    details: { what, bytes: Buffer.from(bytes.subarray(0, 64)).toString('hex'), length: bytes.length },
  })
}

/** The answer as a Buffer over the same memory. Throws `message-invalid` when it has fewer bytes than its fixed part. */
export function answer(what: string, bytes: Uint8Array, leastBytes: number): Buffer {
  if (bytes.length < leastBytes)
    throw malformed(what, `${bytes.length} bytes of at least ${leastBytes}`, bytes)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Text of a fixed field: blanks and NULs at its end are padding. */
export function textOf(field: Buffer): string {
  return field.toString('latin1').replace(/[ \0]+$/, '')
}

/** Puts text into a field of blanks. Throws `RangeError` when it's longer. */
export function putText(into: Buffer, at: number, length: number, text: string): void {
  if (text.length > length) throw new RangeError(`${JSON.stringify(text)} is longer than ${length} bytes`)
  into.fill(' ', at, at + length)
  into.write(text, at, 'latin1')
}

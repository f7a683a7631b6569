import { NbError } from '@nb/contracts'

const LONGEST_NAME_BYTES = 255
const plain = /^[A-Za-z0-9_+@=,-][A-Za-z0-9._+@=,-]*$/

/** Ends the name of a fragment that is not committed. */
export const TEMPORARY_SUFFIX = '.tmp'

/**
 * A client's name or backup id as the name of one directory: ordinary host names stay as they are, every byte
 * that could mean something to a file system or a shell becomes `%XX`. One to one, never `.`, `..` or hidden.
 * Throws `argument-invalid` for an empty name and one too long for a file system.
 */
export function directoryNameOf(text: string): string {
  const name = plain.test(text) ? text : escape(text)
  if (name.length === 0 || name.length > LONGEST_NAME_BYTES)
    throw new NbError(
      'argument-invalid',
      `"${text.slice(0, 80)}" cannot name a directory: 1 to ${LONGEST_NAME_BYTES} bytes when escaped, not ${name.length}.`,
    )
  return name
}

/** What {@link directoryNameOf} was given, or `undefined` for a name that it never makes. */
export function textOfDirectoryName(name: string): string | undefined {
  try {
    const text = decodeURIComponent(name)
    return text.length > 0 && directoryNameOf(text) === name ? text : undefined
  } catch {
    return undefined
  }
}

/** The file of a fragment within its image's directory: `1-000003.nbf` is fragment 3 of copy 1, so `cat 1-*.nbf` keeps the order. */
export function fragmentFileName(copy: number, number: number): string {
  if (!Number.isSafeInteger(copy) || copy < 1 || !Number.isSafeInteger(number) || number < 1)
    throw new TypeError(`copy and fragment number count from 1, not ${copy} and ${number}`)
  return `${copy}-${String(number).padStart(6, '0')}.nbf`
}

/** What a file in an image's directory is, or `undefined` for a stranger. */
export function parseFragmentFileName(
  name: string,
): { readonly copy: number; readonly number: number; readonly committed: boolean } | undefined {
  const match = /^([1-9]\d*)-(\d{6,})\.nbf(\.tmp)?$/.exec(name)
  if (match === null) return undefined
  return { copy: Number(match[1]), number: Number(match[2]), committed: match[3] === undefined }
}

function escape(text: string): string {
  const escaped = Buffer.from(text, 'utf8').reduce((name, byte) => {
    const char = String.fromCharCode(byte)
    return name + (byte < 0x80 && /[A-Za-z0-9._+@=,-]/.test(char) ? char : hex(byte))
  }, '')
  return escaped.startsWith('.') ? hex(0x2e) + escaped.slice(1) : escaped
}

function hex(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}

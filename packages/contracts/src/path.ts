/**
 * A file name or path as the file system knows it: a row of bytes that need not be UTF-8.
 *
 * Bytes that form valid UTF-8 are the characters they encode; every other byte `0x80–0xFF` is one lone
 * surrogate `U+DC80–U+DCFF`. The mapping is one to one for every byte row, survives `JSON.stringify` and
 * structured clone, and leaves ordinary names ordinary strings. Make one with {@link pathFromBytes} or
 * {@link toPath}; never by slicing in the middle of a name.
 */
export type Path = string & { readonly __path: unique symbol }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const needsBytes = /[\uD800-\uDFFF]/u

/** The path of a row of bytes, as `readdir` and archives give them. Never fails. */
export function pathFromBytes(bytes: Uint8Array): Path {
  try {
    return utf8.decode(bytes) as Path
  } catch {
    return decodeEscaping(bytes) as Path
  }
}

/** The bytes of a path, ready for a system call. */
export function pathToBytes(path: Path): Buffer {
  if (!needsBytes.test(path)) return Buffer.from(path, 'utf8')
  const parts: Buffer[] = []
  for (const char of path) {
    const code = char.codePointAt(0) as number
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(char, 'utf8'))
  }
  return Buffer.concat(parts)
}

/** Takes an ordinary string (typed by a person, read from a configuration) as a path. */
export function toPath(text: string): Path {
  return text as Path
}

/**
 * The path fit for a terminal or a log line: every undecodable byte, and every byte of a control character or line
 * separator, as `\xHH`, and a backslash as `\\`. Different paths are shown differently, and what is shown can be read back.
 */
export function displayPath(path: Path): string {
  return path.replace(/[\\\p{Cc}\u2028\u2029\udc80-\udcff]/gu, (char) => {
    if (char === '\\') return '\\\\'
    const bytes = pathToBytes(char as Path).toString('hex')
    return bytes.replace(/../g, '\\x$&')
  })
}

function decodeEscaping(bytes: Uint8Array): string {
  let text = ''
  let at = 0
  while (at < bytes.length) {
    const length = sequenceLength(bytes[at] as number)
    const piece = bytes.subarray(at, at + length)
    const decoded = length > 0 && piece.length === length ? tryDecode(piece) : undefined
    if (decoded === undefined) {
      text += String.fromCharCode(0xdc00 + (bytes[at] as number))
      at += 1
    } else {
      text += decoded
      at += length
    }
  }
  return text
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1
  if (lead >= 0xc2 && lead < 0xe0) return 2
  if (lead >= 0xe0 && lead < 0xf0) return 3
  if (lead >= 0xf0 && lead < 0xf5) return 4
  return 0
}

function tryDecode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

import { resolve } from 'node:path'
import { type Path, pathFromBytes } from '@nb/contracts'

const escapes = /\\x([0-9A-Fa-f]{2})|\\\\/g

/**
 * A path as typed. `\xHH` is the byte HH, for names that are not UTF-8 (and as `nb list` shows them); `\\` is a
 * backslash; every other backslash is itself. A relative path begins at `cwd`.
 */
export function parsePath(text: string, cwd: string): Path {
  const parts: Buffer[] = []
  let at = 0
  for (const escape of text.matchAll(escapes)) {
    parts.push(Buffer.from(text.slice(at, escape.index)))
    parts.push(escape[1] === undefined ? Buffer.from('\\') : Buffer.from(escape[1], 'hex'))
    at = escape.index + escape[0].length
  }
  parts.push(Buffer.from(text.slice(at)))
  // Lone surrogates of a Path are characters like any other to `resolve`.
  return resolve(cwd, pathFromBytes(Buffer.concat(parts))) as Path
}

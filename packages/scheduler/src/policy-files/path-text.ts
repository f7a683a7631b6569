import { type Path, displayPath, pathFromBytes } from '@nb/contracts'

/** What a path may look like. */
export const pathForm =
  'an absolute path such as /srv; a backslash in it is written \\\\, a byte that is no text \\xHH'

/** The path of a text that shows it, as {@link displayPath} does; `undefined` where a backslash means nothing. */
export function parsePath(text: string): Path | undefined {
  const parts: Buffer[] = []
  const pattern = /\\x([0-9a-fA-F]{2})|\\(\\)|(\\)|[^\\]+/g
  for (const [whole, hex, backslash, stray] of text.matchAll(pattern)) {
    if (stray !== undefined) return undefined
    if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'))
    else parts.push(Buffer.from(backslash ?? whole, 'utf8'))
  }
  return pathFromBytes(Buffer.concat(parts))
}

/** The text of a path for a file. */
export function printPath(path: Path): string {
  return displayPath(path)
}

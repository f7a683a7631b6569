import { malformed } from './responses.ts'

/** A key and its value, as login and text negotiations carry them (RFC 7143, 6.1). */
export type TextPair = readonly [key: string, value: string]

/** Longest key (RFC 7143, 6.1). */
const longestKey = 63

/** Longest value of a key that is not the answer to SendTargets: a CHAP challenge of 1024 bytes in hexadecimal is the longest. */
const longestValue = 8192

/** `key=value` and a zero byte, each. */
export function encodeText(pairs: readonly TextPair[]): Buffer {
  return Buffer.from(pairs.map(([key, value]) => `${key}=${value}\0`).join(''), 'utf8')
}

/**
 * The pairs of a text, in order.
 * @throws NbError `message-invalid` when it is none
 */
export function decodeText(text: Uint8Array): TextPair[] {
  if (text.length === 0) return []
  // Some targets end with more than one zero, some pad within the segment.
  const items = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8').split('\0')
  if (items.at(-1) !== '') throw malformed('a text without its closing zero', { bytes: text.length })
  return items.filter((item) => item !== '').map(decodePair)
}

function decodePair(item: string): TextPair {
  const equals = item.indexOf('=')
  if (equals === -1) throw malformed('a text that is not key=value', {})
  const key = item.slice(0, equals)
  const value = item.slice(equals + 1)
  if (key.length > longestKey || !/^[A-Za-z][A-Za-z0-9.\-+@_#]*$/.test(key))
    throw malformed('a text key that is none', { keyBytes: key.length })
  if (value.length > longestValue)
    throw malformed(`a value of ${key} that is too long`, { bytes: value.length })
  return [key, value]
}

import { type Json, NbError } from '@nb/contracts'

/** The error of a field that can't be: it names the field, its value and what is allowed. `argument-invalid`. */
export function invalid(field: string, value: unknown, allowed: string): NbError {
  const shown: Json =
    value === undefined
      ? 'undefined'
      : typeof value === 'number' && !Number.isFinite(value)
        ? String(value)
        : (value as Json)
  return new NbError('argument-invalid', `${field} is ${JSON.stringify(shown)}; allowed: ${allowed}`, {
    details: { field, value: shown, allowed },
  })
}

const longestName = 127

/** U+0000–001F and U+007F–009F. */
const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0)

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (isControl(text.charCodeAt(at))) return true
  return false
}

/** A name: 1–127 characters, none of them a control character, no space at either end. */
export function checkName(field: string, value: unknown): asserts value is string {
  const fits =
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= longestName &&
    value.trim() === value &&
    !hasControl(value)
  if (!fits)
    throw invalid(field, value, `1–${longestName} characters, no control characters, no space at the ends`)
}

/** A list of one name or more. */
export function checkNames(field: string, value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid(field, value, 'a list of at least one name')
  value.forEach((name, index) => checkName(`${field}[${index}]`, name))
}

/** A name, or nothing at all. */
export function checkOptionalName(field: string, value: unknown): asserts value is string | undefined {
  if (value !== undefined) checkName(field, value)
}

/** A whole number within bounds. */
export function checkInteger(
  field: string,
  value: unknown,
  least: number,
  most: number,
  unit = '',
): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
    throw invalid(field, value, `a whole number ${least}–${most}${unit}`)
}

/** A moment in milliseconds since the epoch, or nothing. */
export function checkOptionalTime(field: string, value: unknown): asserts value is number | undefined {
  if (value !== undefined) checkInteger(field, value, 0, Number.MAX_SAFE_INTEGER, ' (ms since 1970)')
}

/** One of a few words. */
export function checkOneOf<Word extends string>(
  field: string,
  value: unknown,
  words: readonly Word[],
): asserts value is Word {
  if (!words.includes(value as Word)) throw invalid(field, value, words.join(', '))
}

/** True or false. */
export function checkBoolean(field: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalid(field, value, 'true, false')
}

/** A short text for people, or nothing. */
export function checkOptionalText(field: string, value: unknown): asserts value is string | undefined {
  if (value !== undefined && (typeof value !== 'string' || value.length > 1000))
    throw invalid(field, value, 'a text of at most 1000 characters')
}

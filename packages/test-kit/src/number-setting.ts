/**
 * A whole number that whoever starts a test may set in its environment, such as a seed (`NB_SEED`) or a count.
 *
 * @param name - the variable's name
 * @param fallback - the number where it is not set
 * @throws Error - it is set to something else: a run of another sequence than was asked for would prove nothing
 */
export function numberSetting(name: string, fallback: number): number {
  const text = process.env[name]
  if (text === undefined) return fallback
  const number = Number(text)
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(number)) return number
  throw new Error(`${name} is a whole number, and not ${JSON.stringify(text)}`)
}

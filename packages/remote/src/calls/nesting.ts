/** Whether a JSON text has arrays and objects within one another deeper than that. What is no JSON has some answer. */
export function isNestedDeeper(json: Uint8Array, most: number): boolean {
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === quote) at = endOfText(json, at)
    else if (byte === openArray || byte === openObject) {
      depth += 1
      if (depth > most) return true
    } else if (byte === closeArray || byte === closeObject) depth -= 1
  }
  return false
}

const [quote, backslash, openArray, closeArray, openObject, closeObject] = Buffer.from('"\\[]{}')

function endOfText(json: Uint8Array, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
  return at
}

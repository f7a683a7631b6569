import { Document as YamlDocument, type Node, isMap, isScalar, parseDocument } from 'yaml'

/** A key of a map and what it has now; without a value the key goes. */
export interface MapChange {
  readonly key: string | number
  readonly value?: unknown
}

/**
 * The text of a YAML file whose top is a map, after some of its keys were changed: all other text stays as it is, letter by
 * letter. `undefined` where that can't be done, as for a map in braces.
 */
export function spliceMap(text: string, changes: readonly MapChange[]): string | undefined {
  const document = parseDocument(text)
  const root = document.contents
  if (document.errors.length > 0 || (root !== null && (!isMap(root) || root.flow === true))) return undefined
  let spliced = text
  const places = new Map<string, Place>()
  for (const { key, value } of isMap(root) ? root.items : []) {
    const place = isScalar(key) ? placeOf(key, value, text) : undefined
    if (place !== undefined) places.set(String((key as { readonly value: unknown }).value), place)
  }
  const known = changes.filter(({ key }) => places.has(String(key)))
  // From the end, so that the places before stay right.
  const placed = known.map((change) => ({ change, place: places.get(String(change.key)) as Place }))
  for (const { change, place } of placed.sort((a, b) => b.place.start - a.place.start)) {
    const { start, end } = place
    if (change.value === undefined) {
      const lineEnd = spliced.indexOf('\n', Math.max(start, end - 1))
      spliced = spliced.slice(0, start) + (lineEnd < 0 ? '' : spliced.slice(lineEnd + 1))
    } else {
      const line = printed(change).trimEnd() + (spliced.slice(start, end).endsWith('\n') ? '\n' : '')
      spliced = spliced.slice(0, start) + line + spliced.slice(end)
    }
  }
  const added = changes.filter(({ key, value }) => value !== undefined && !places.has(String(key)))
  if (added.length === 0) return spliced
  const gap = spliced === '' || spliced.endsWith('\n') ? '' : '\n'
  return `${spliced}${gap}${added.map(printed).join('')}`
}

interface Place {
  readonly start: number
  readonly end: number
}

/** Where a key with its value stands, without a comment behind it. */
function placeOf(key: Node, value: Node | null, text: string): Place | undefined {
  const start = key.range?.[0]
  if (start === undefined || value?.range === undefined || value.range === null) return undefined
  return text.slice(0, start).endsWith('\n') || start === 0 ? { start, end: value.range[1] } : undefined
}

function printed({ key, value }: MapChange): string {
  return new YamlDocument(new Map([[key, value]])).toString({ lineWidth: 0 })
}

import type { StorageChoice } from '@nb/contracts'
import type { Place } from './document-reader.ts'
import type { FieldReader } from './field-reader.ts'

/** Where backups go: any storage unit, a unit or a group. */
export function readStorage(fields: FieldReader, place: Place, path: string): StorageChoice | undefined {
  const reader = fields.document
  const form = '"any", {unit: NAME} or {group: NAME}'
  if (reader.kindOf(place) !== 'map') {
    return reader.parsed(place, form, (text) => (text === 'any' ? { kind: 'any' as const } : undefined))
  }
  const before = reader.problems.length
  const keys = reader.map(place, ['unit', 'group'])
  if (reader.problems.length > before) return undefined
  const [[kind, name] = [], ...more] = keys ?? []
  if (name === undefined || more.length > 0) {
    return keys?.size === 0 || more.length > 0 ? reader.refuse(place, `must be ${form}`) : undefined
  }
  fields.remember(`${path}.name`, name)
  const text = reader.text(name, `the name of a storage ${kind}`)
  return text === undefined ? undefined : { kind: kind as 'unit' | 'group', name: text }
}

import type { DocumentReader, Place } from './document-reader.ts'

/** The fields of a map of the file, by their keys. */
export type Fields = ReadonlyMap<string, Place>

/** Reads the fields of a policy; remembers where each field of the contract stands in the file. */
export class FieldReader {
  readonly document: DocumentReader
  readonly #places = new Map<string, Place>()

  constructor(document: DocumentReader) {
    this.document = document
  }

  /** A field of the contract stands here. */
  remember(field: string, place: Place): void {
    this.#places.set(field, place)
  }

  /** Where a field of the contract stands, or the nearest that holds it. */
  placeOf(field: string): Place {
    for (let path = field; path !== ''; path = path.replace(/(\.[^.[]*|\[\d+\])$|^[^.[]*$/, '')) {
      const place = this.#places.get(path)
      if (place !== undefined) return place
    }
    return this.document.root
  }

  /** What a field has, where it is there; its place is remembered as `path`. */
  may<Value>(
    fields: Fields,
    key: string,
    path: string,
    read: (place: Place) => Value | undefined,
  ): Value | undefined {
    const place = fields.get(key)
    if (place === undefined) return undefined
    this.remember(path, place)
    return read(place)
  }

  /** As {@link may}; a field that is missing is a problem. */
  need<Value>(
    fields: Fields,
    parent: Place,
    key: string,
    path: string,
    read: (place: Place) => Value | undefined,
  ): Value | undefined {
    if (fields.has(key)) return this.may(fields, key, path, read)
    if (this.document.isMeant(parent, key)) return undefined
    const where = parent.field === '' ? key : `${parent.field}.${key}`
    return this.document.refuse({ node: parent.node, field: where }, 'is missing')
  }

  /** What the items of a list have, without those that could not be read. */
  each<Value>(
    place: Place,
    path: string,
    read: (place: Place, path: string) => Value | undefined,
  ): Value[] | undefined {
    const values = this.document.list(place)?.map((each, index) => {
      this.remember(`${path}[${index}]`, each)
      return read(each, `${path}[${index}]`)
    })
    return values?.filter((value) => value !== undefined)
  }

  /** The texts of a list. */
  texts(place: Place, path: string): string[] | undefined {
    return this.each(place, path, (each) => this.document.text(each))
  }

  /** One of some words, or `none`. */
  choice<Choice extends string>(place: Place, choices: readonly Choice[]): Choice | undefined {
    const words: readonly (Choice | 'none')[] = ['none', ...choices]
    const read = this.document.parsed(place, `one of ${words.join(', ')}`, (text) =>
      words.find((word) => word === text),
    )
    return read === 'none' ? undefined : read
  }
}

/** The value without the keys that are `undefined`. */
export function present<Value extends object>(value: {
  readonly [Key in keyof Value]: Value[Key] | undefined
}): Value {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Value
}

/** The value where it is from `least` to `most`. */
export function between(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined
}

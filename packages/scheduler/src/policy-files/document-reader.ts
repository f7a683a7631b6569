import {
  type Document,
  LineCounter,
  type Node,
  type ParsedNode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
} from 'yaml'
import { type FileProblem, nearest } from './file-problem.ts'

/** A place in a file: what stands there, and what it is called. */
export interface Place {
  /** Absent where the key is missing. */
  readonly node: Node | undefined
  /** In the words of the file. */
  readonly field: string
}

/**
 * Reads a YAML or JSON file, and collects all that is wrong with it instead of stopping at the first. Each reading answers
 * `undefined` after it has noted a problem.
 */
export class DocumentReader {
  readonly #problems: FileProblem[] = []
  readonly #warnings: FileProblem[] = []
  readonly #file: string
  readonly #lines: LineCounter = new LineCounter()
  readonly #document: Document.Parsed<ParsedNode> | undefined

  constructor(text: string, file: string) {
    this.#file = file
    const documents = parseAllDocuments(text, { lineCounter: this.#lines, prettyErrors: false })
    const [document, second] = 'empty' in documents ? [] : documents
    this.#document = document
    for (const error of document?.errors ?? []) {
      const known = error.code === 'DUPLICATE_KEY' ? 'this key is there twice' : error.message
      this.#note('', known, error.pos[0])
    }
    if (second !== undefined)
      this.#note(
        '',
        'there is more than one document in the file; one file holds one policy',
        second.range[0],
      )
  }

  /** What is wrong so far, from the top of the file to its end. */
  get problems(): readonly FileProblem[] {
    return [...this.#problems].sort(byPlace)
  }

  /** What is to be told besides, though it is not wrong. */
  get warnings(): readonly FileProblem[] {
    return [...this.#warnings].sort(byPlace)
  }

  /** The whole of the file. */
  get root(): Place {
    return { node: this.#document?.contents ?? undefined, field: '' }
  }

  /** Notes what is wrong at a place. */
  refuse({ node, field }: Place, message: string, meant?: string): undefined {
    return this.#note(field, message, this.#resolve(node)?.range?.[0] ?? 0, meant)
  }

  /** Notes what is to be told of a place, though it is not wrong. */
  warn({ node, field }: Place, message: string): void {
    this.#warnings.push({ ...this.#position(this.#resolve(node)?.range?.[0] ?? 0), field, message })
  }

  /** The places of a map's keys, in order. Keys other than the allowed ones are problems. */
  map(place: Place, allowed?: readonly string[]): Map<string, Place> | undefined {
    const node = this.#resolve(place.node)
    if (!isMap(node)) return this.refuse(place, `must be a map of keys to values, not ${this.#shown(node)}`)
    const places = new Map<string, Place>()
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? this.#textOf(key) : ''
      const field = place.field === '' ? name : `${place.field}.${name}`
      if (allowed === undefined || allowed.includes(name)) {
        places.set(name, { node: value === null ? undefined : (value as Node), field })
        continue
      }
      const meant = nearest(name, allowed)
      const hint = meant === undefined ? '; known' : `; did you mean "${meant}"? Known`
      this.refuse({ node: key as Node, field }, `is no known key${hint} are: ${allowed.join(', ')}`, meant)
    }
    return places
  }

  /** Whether an unknown key of a map was likely meant to be this one: then it is not missing besides. */
  isMeant(parent: Place, key: string): boolean {
    const prefix = parent.field === '' ? '' : `${parent.field}.`
    return this.#problems.some(
      ({ field, meant }) =>
        meant === key && field.startsWith(prefix) && !field.slice(prefix.length).includes('.'),
    )
  }

  /** The places of a list's entries. */
  list(place: Place): Place[] | undefined {
    const node = this.#resolve(place.node)
    if (!isSeq(node)) return this.refuse(place, `must be a list, not ${this.#shown(node)}`)
    return node.items.map((item, index) => ({ node: item as Node, field: `${place.field}[${index}]` }))
  }

  /** Whether it is a map, a list or neither. */
  kindOf({ node }: Place): 'map' | 'list' | 'value' {
    const resolved = this.#resolve(node)
    return isMap(resolved) ? 'map' : isSeq(resolved) ? 'list' : 'value'
  }

  /** A text; numbers and the like are taken as they are written. */
  text(place: Place, form = 'a text'): string | undefined {
    const node = this.#resolve(place.node)
    const text = isScalar(node) && node.value !== null ? this.#textOf(node) : undefined
    return text ?? this.refuse(place, `must be ${form}, not ${this.#shown(node)}`)
  }

  /** A text that `parse` makes something of; what it gives `undefined` for is a problem. */
  parsed<Value>(place: Place, form: string, parse: (text: string) => Value | undefined): Value | undefined {
    const text = this.text(place, form)
    if (text === undefined) return undefined
    const value = parse(text)
    return value === undefined ? this.refuse(place, `must be ${form}, not "${text}"`) : value
  }

  /** `true` or `false`; in quotes they are texts. */
  flag(place: Place): boolean | undefined {
    const node = this.#resolve(place.node)
    if (isScalar(node) && (node.type === 'QUOTE_SINGLE' || node.type === 'QUOTE_DOUBLE'))
      return this.refuse(place, `must be true or false without quotes, not ${this.#shown(node)}`)
    return this.parsed(place, 'true or false', (text) => {
      const word = text.toLowerCase()
      if (word === 'true' || word === 'yes') return true
      return word === 'false' || word === 'no' ? false : undefined
    })
  }

  /** A whole number within bounds. */
  integer(place: Place, least: number, most: number): number | undefined {
    return this.parsed(place, `a whole number from ${least} to ${most}`, (text) => {
      const value = /^\d+$/.test(text) ? Number(text) : NaN
      return value >= least && value <= most ? value : undefined
    })
  }

  #resolve(node: Node | undefined): Node | undefined {
    return isAlias(node) && this.#document !== undefined ? node.resolve(this.#document) : node
  }

  #textOf(node: { readonly value: unknown; readonly source?: string }): string {
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
  }

  #shown(node: Node | undefined): string {
    if (isMap(node)) return 'a map'
    if (isSeq(node)) return 'a list'
    return isScalar(node) && node.value !== null ? `"${this.#textOf(node)}"` : 'nothing'
  }

  #note(field: string, message: string, offset: number, meant?: string): undefined {
    this.#problems.push({
      ...this.#position(offset),
      field,
      message,
      ...(meant === undefined ? {} : { meant }),
    })
    return undefined
  }

  #position(offset: number): Pick<FileProblem, 'file' | 'line' | 'column'> {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
}

function byPlace(a: FileProblem, b: FileProblem): number {
  return a.line - b.line || a.column - b.column
}

import { LineCounter, type Node, Scalar, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import { UnitError } from './units.ts'

/** What is wrong with a site file: the line, the field, and what it should be. */
export interface Problem {
  /** From 1. */
  readonly line: number
  readonly field: string
  readonly text: string
}

/** All that is wrong with a site file, in order of lines. */
export class SiteFileError extends Error {
  readonly problems: readonly Problem[]

  constructor(file: string, problems: readonly Problem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line)
    super(
      sorted
        .map(({ line, field, text }) => `${file}:${line}: ${field === '' ? '' : `${field} `}${text}`)
        .join('\n'),
    )
    this.name = 'SiteFileError'
    this.problems = sorted
  }
}

/** Notes what is wrong, so that all of it can be told at once. */
export type Complain = (problem: Problem) => void

/** A place in a YAML file that knows its line and its name. What can't be read is complained of and read as `undefined`. */
export class Field {
  readonly name: string
  readonly line: number
  readonly #node: Node | null | undefined
  readonly #lines: LineCounter
  readonly #complain: Complain

  constructor(
    name: string,
    node: Node | null | undefined,
    line: number,
    lines: LineCounter,
    complain: Complain,
  ) {
    this.name = name
    this.#node = node
    this.#lines = lines
    this.#complain = complain
    const range = node?.range
    this.line = range === null || range === undefined ? line : lines.linePos(range[0]).line
  }

  /** Whether there is anything. */
  get given(): boolean {
    return this.#node !== null && this.#node !== undefined
  }

  /** Complains of this place. */
  wrong(text: string): undefined {
    this.#complain({ line: this.line, field: this.name, text })
    return undefined
  }

  /** The fields of a map; a key that is not known is complained of, and so is a missing one of `required`. */
  fields(required: readonly string[], optional: readonly string[]): Readonly<Record<string, Field>> {
    const found: Record<string, Field> = {}
    const known = [...required, ...optional]
    if (!isMap(this.#node)) {
      this.wrong('must be a map of fields')
      return new Proxy(found, { get: (_, key) => this.#missing(String(key)) })
    }
    for (const { key, value } of this.#node.items) {
      const name = isScalar(key) ? String(key.value) : '?'
      const line = isScalar(key) && key.range ? this.#lines.linePos(key.range[0]).line : this.line
      const field = new Field(this.#path(name), value as Node | null, line, this.#lines, this.#complain)
      if (known.includes(name)) found[name] = field
      else field.wrong(`is not known here; there are ${known.join(', ')}`)
    }
    for (const name of required)
      if (found[name]?.given !== true)
        this.#complain({ line: this.line, field: this.#path(name), text: 'is missing' })
    return new Proxy(found, { get: (target, key) => target[String(key)] ?? this.#missing(String(key)) })
  }

  /** The entries of a list; one alone may stand without it. */
  items(): readonly Field[] {
    if (!this.given) return []
    if (!isSeq(this.#node)) return [this]
    return this.#node.items.map(
      (item, index) =>
        new Field(`${this.name}[${index}]`, item as Node | null, this.line, this.#lines, this.#complain),
    )
  }

  /** A text; a number is one as it is written. */
  text(): string | undefined {
    if (!this.given) return undefined
    if (!(this.#node instanceof Scalar)) return this.wrong('must be a text')
    const { value, source } = this.#node
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean') return source ?? String(value)
    return this.wrong('must be a text')
  }

  /** A text that `parse` reads. */
  parsed<T>(parse: (text: string) => T): T | undefined {
    const text = this.text()
    if (text === undefined) return undefined
    try {
      return parse(text)
    } catch (error) {
      if (error instanceof UnitError) return this.wrong(`${error.message}, not "${text}"`)
      throw error
    }
  }

  /** A whole number between bounds. */
  whole(least: number, most: number): number | undefined {
    const text = this.text()
    if (text === undefined) return undefined
    const value = Number(text)
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value
    return this.wrong(`must be a whole number from ${least} to ${most}, not "${text}"`)
  }

  /** A number from 0. */
  number(): number | undefined {
    const text = this.text()
    if (text === undefined) return undefined
    const value = Number(text)
    return Number.isFinite(value) && value >= 0 ? value : this.wrong(`must be a number from 0, not "${text}"`)
  }

  /** One of some words. */
  oneOf<Word extends string>(words: readonly Word[]): Word | undefined {
    const text = this.text()
    if (text === undefined || words.includes(text as Word)) return text as Word | undefined
    return this.wrong(`must be one of ${words.join(', ')}, not "${text}"`)
  }

  #path(name: string): string {
    return this.name === '' ? name : `${this.name}.${name}`
  }

  #missing(name: string): Field {
    return new Field(this.#path(name), undefined, this.line, this.#lines, this.#complain)
  }
}

/** The root of a YAML text. */
export function readYaml(text: string, complain: Complain): Field {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  for (const { pos, message } of document.errors)
    complain({ line: lines.linePos(pos[0]).line, field: '', text: message })
  return new Field('', document.contents, 1, lines, complain)
}

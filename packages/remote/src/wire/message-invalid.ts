import type { z } from 'zod'
import { NbError } from '@nb/contracts'
import type { Schema } from '../schemas/schema.ts'

/** A complaint of a schema, as zod and the standard-schema interface give it. */
export interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
  /** Of fields that should not be there. */
  readonly keys?: readonly string[]
}

/** The value where the schema accepts it, or what is wrong with it. */
export type Looked<T> = { readonly value: T } | { readonly issues: readonly Issue[] }

/** How Zod looks for its own `validate`, which tells no more than yes or no: it ends at the first problem. */
const untilFirst = { abortEarly: true } as z.core.ParseContext<z.core.$ZodIssue>

/** How many parts a value may have for all its problems to be told. */
const mostParts = 1000
/** How many problems an error has at most, and how long what it says of each. */
const mostProblems = 20
const mostText = 200

/**
 * Looks at a value that came off a wire. Of a small one all problems are told, of others the first: half a million wrong items of one megabyte would take hundreds,
 * and seconds.
 */
export function lookAt<T>(schema: Schema<T>, value: unknown): Looked<T> {
  try {
    const first = schema.safeParse(value, untilFirst)
    if (first.success) return { value: first.data }
    if (!isSmall(value)) return first.error
    return schema.safeParse(value).error ?? first.error
  } catch (error) {
    // Of a schema that is within itself.
    if (error instanceof RangeError) return { issues: [{ message: 'nested too deep' }] }
    throw error
  }
}

/** The value, when the schema accepts it; throws `message-invalid` (43) naming the field otherwise. */
export function checked<T>(schema: Schema<T>, value: unknown, what: string): T {
  const looked = lookAt(schema, value)
  if ('value' in looked) return looked.value
  throw messageInvalid(what, looked.issues)
}

/** The error for a value that no schema let in. Up to 20 fields are in its details, the first in its message. */
export function messageInvalid(what: string, issues: readonly Issue[]): NbError {
  const complaints = issues.slice(0, mostProblems).map((issue) => ({
    field: cut(fieldOf(issue)),
    problem: cut(issue.message),
  }))
  const first = complaints[0]
  const where = first === undefined || first.field === '' ? what : `${what}, field ${first.field}`
  return new NbError('message-invalid', `${where}: ${first?.problem ?? 'not understood'}`, {
    details: { field: first?.field ?? '', problems: complaints },
  })
}

function isSmall(value: unknown): boolean {
  const left = [value]
  let parts = 0
  while (left.length > 0) {
    const part = left.pop()
    if (typeof part !== 'object' || part === null) continue
    const inner: unknown[] = Array.isArray(part) ? part : Object.values(part)
    parts += inner.length
    if (parts > mostParts) return false
    left.push(...inner)
  }
  return true
}

function cut(text: string): string {
  return text.length > mostText ? `${text.slice(0, mostText)}…` : text
}

function fieldOf(issue: Issue): string {
  let field = ''
  for (const step of [...(issue.path ?? []), ...(issue.keys?.slice(0, 1) ?? [])]) {
    const key = typeof step === 'object' ? step.key : step
    field += typeof key === 'number' ? `[${key}]` : `${field === '' ? '' : '.'}${String(key)}`
  }
  return field
}

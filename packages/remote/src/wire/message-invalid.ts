import { NbError } from '@nb/contracts'
import type { Schema } from '../schemas/schema.ts'

/** A complaint of a schema, as zod and the standard-schema interface give it. */
export interface Issue {
  readonly message: string
  readonly path?: readonly unknown[] | undefined
  /** Of fields that should not be there. */
  readonly keys?: readonly string[]
}

/** The value, when the schema accepts it; throws `message-invalid` (43) naming the field otherwise. */
export function checked<T>(schema: Schema<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw messageInvalid(what, result.error.issues)
}

/** The error for a value that no schema let in. All fields are in its details, the first in its message. */
export function messageInvalid(what: string, issues: readonly Issue[]): NbError {
  const complaints = issues.map((issue) => ({ field: fieldOf(issue), problem: issue.message }))
  const first = complaints[0]
  const where = first === undefined || first.field === '' ? what : `${what}, field ${first.field}`
  return new NbError('message-invalid', `${where}: ${first?.problem ?? 'not understood'}`, {
    details: { field: first?.field ?? '', problems: complaints },
  })
}

function fieldOf(issue: Issue): string {
  let field = ''
  for (const step of [...(issue.path ?? []), ...(issue.keys?.slice(0, 1) ?? [])]) {
    const key = typeof step === 'object' && step !== null && 'key' in step ? step.key : step
    field += typeof key === 'number' ? `[${key}]` : `${field === '' ? '' : '.'}${String(key)}`
  }
  return field
}

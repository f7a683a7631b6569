import { z } from 'zod'
import * as audit from '../schemas/audit.ts'
import * as copies from '../schemas/copies.ts'
import * as devices from '../schemas/devices.ts'
import * as hosts from '../schemas/hosts.ts'
import * as image from '../schemas/image.ts'
import * as job from '../schemas/job.ts'
import * as media from '../schemas/media.ts'
import * as policy from '../schemas/policy.ts'
import * as resources from '../schemas/resources.ts'
import * as restore from '../schemas/restore.ts'
import * as scheduling from '../schemas/scheduling.ts'
import * as basic from '../schemas/schema.ts'
import type { Schema } from '../schemas/schema.ts'
import * as session from '../schemas/session.ts'

const modules = [
  audit,
  copies,
  devices,
  hosts,
  image,
  job,
  media,
  policy,
  resources,
  restore,
  scheduling,
  session,
]

/** What more than one message is made of, by the names that the schemas have here: `job`, `policy`, `imageRecord`. */
export const namedSchemas: ReadonlyMap<string, Schema<unknown>> = new Map(
  [...modules, { json: basic.json }].flatMap(schemasOf),
)

/** What all the others are made of. They have no names in the document, but what is to be known of them. */
export const basicSchemas: ReadonlySet<Schema<unknown>> = new Set(
  schemasOf(basic).map(([, schema]) => schema),
)

/** What a type of JSON doesn't say. */
export const remarks: ReadonlyMap<Schema<unknown>, string> = new Map<Schema<unknown>, string>([
  [basic.time, 'Milliseconds since the epoch.'],
  [basic.nanoseconds, 'Nanoseconds, as decimal digits.'],
  [basic.path, 'A path; a byte that is not UTF-8 is a lone surrogate, U+DC00 and the byte, escaped in JSON.'],
])

function schemasOf(module: Readonly<Record<string, unknown>>): [string, Schema<unknown>][] {
  return Object.entries(module).filter((entry): entry is [string, Schema<unknown>] => isSchema(entry[1]))
}

function isSchema(value: unknown): value is Schema<unknown> {
  return value instanceof z.ZodType
}

import { z } from 'zod'
import type { Schema } from '../schemas/schema.ts'
import { basicSchemas, namedSchemas, remarks } from './named-schemas.ts'

/** A JSON Schema of 2020-12, as OpenAPI 3.1 has them. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Where a schema of that name is in the document. */
export function referenceTo(name: string): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` }
}

/** The JSON Schemas of messages by their names, and of what they are made of; they refer to one another as in a document of OpenAPI. */
export function schemaComponents(messages: ReadonlyMap<string, Schema<unknown>>): Record<string, JsonSchema> {
  const registry = z.registry<{ id?: string; description?: string }>()
  for (const [schema, description] of remarks) registry.add(schema, { description })
  for (const [id, schema] of namedSchemas) registry.add(schema, { id })
  const added = [...messages].map(([id, schema]) => {
    // A basic one stands in many places; one that is named already is referred to.
    const own = basicSchemas.has(schema) ? schema.clone() : schema
    if (!registry.has(own)) registry.add(own, { id })
    return [id, registry.get(own)?.id ?? id] as const
  })
  const { schemas } = z.toJSONSchema(registry, { metadata: registry, uri: (id) => referenceTo(id).$ref })
  const components: Record<string, JsonSchema> = {}
  for (const [id, { $schema: _dialect, $id: _place, id: _id, ...schema }] of Object.entries(schemas))
    components[id] = schema
  for (const [id, of] of added) components[id] ??= referenceTo(of)
  return components
}

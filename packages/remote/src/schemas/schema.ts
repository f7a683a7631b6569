import type { Json, Path } from '@nb/contracts'
import { z } from 'zod'

/** What checks a value that came off a wire. */
export type Schema<T> = z.ZodType<T>

/** A field that may be absent. */
export type Optional<T> = z.ZodOptional<z.ZodType<T>>

/** One schema for each field of `X`, {@link Optional} exactly where `X` says so. */
export type Shape<X> = {
  readonly [K in keyof X]-?: object extends Pick<X, K> ? Optional<Exclude<X[K], undefined>> : Schema<X[K]>
}

/**
 * An object with exactly the fields of `X`. The compiler asks for every one of them and at run time no other is let
 * in, so that an interface and its schema can't drift apart.
 */
export function closed<X>(shape: Shape<X>): Schema<X> {
  return z.strictObject(shape) as unknown as Schema<X>
}

/** A union told apart by the field `key`; the compiler asks for every variant. */
export function variants<X, K extends keyof X & string>(
  key: K,
  schemas: { readonly [V in X[K] as `${V & (string | boolean)}`]: Schema<Extract<X, Record<K, V>>> },
): Schema<X> {
  const options = Object.values(schemas) as [z.ZodObject, ...z.ZodObject[]]
  return z.discriminatedUnion(key, options) as unknown as Schema<X>
}

/** One of the members of a union of strings; the compiler asks for every one. */
export function oneOf<T extends string>(members: Readonly<Record<T, true>>): Schema<T> {
  return z.enum(Object.keys(members) as [T, ...T[]])
}

/** A field that may be absent. */
export function maybe<T>(schema: Schema<T>): Optional<T> {
  return z.optional(schema)
}

/** A row of values. */
export function list<T>(schema: Schema<T>): Schema<readonly T[]> {
  return z.array(schema)
}

/** Names, ids, sentences. */
export const text: Schema<string> = z.string()
/** A whole number that JSON carries exactly. */
export const integer: Schema<number> = z.int()
/** A size or count: a safe integer, 0 or more. */
export const count: Schema<number> = z.int().nonnegative()
/** A number from 0 to 1. */
export const fraction: Schema<number> = z.number().min(0).max(1)
/** Milliseconds since the epoch, a safe integer. */
export const time: Schema<number> = z.int()
/** Nanoseconds as a decimal string. */
export const nanoseconds: Schema<string> = z
  .string()
  .regex(/^-?\d+$/, 'expected nanoseconds as decimal digits')
/** Yes or no. */
export const flag: Schema<boolean> = z.boolean()
/** A path as it is, lone surrogates and all: JSON carries them as escapes. */
export const path: Schema<Path> = z.string() as unknown as Schema<Path>
/** No result. */
export const nothing: Schema<void> = z.undefined()
/** Any plain data. */
export const json: Schema<Json> = z.json()
/** Named plain data. */
export const facts: Schema<Readonly<Record<string, Json>>> = z.record(z.string(), json)
/** A call that takes nothing. */
export const empty: Schema<Record<string, never>> = z.strictObject({})

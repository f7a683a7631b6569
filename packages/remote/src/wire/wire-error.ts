import { asNbError, type ErrorCode, errorKinds, type Json, NbError } from '@nb/contracts'
import { ORPCError } from '@orpc/client'
import { ValidationError } from '@orpc/contract'
import { z } from 'zod'
import { facts, flag, integer, maybe, type Schema, text } from '../schemas/schema.ts'
import { messageInvalid } from './message-invalid.ts'

/** What an error carries over the wire beside its code and message. */
const wireErrorData: Schema<FailedCall['json']['data']> = z.object({
  status: integer,
  retryable: flag,
  details: facts,
  remedy: maybe(text),
}) as unknown as Schema<FailedCall['json']['data']>

/** What a call that failed is answered with: our code and message, and in `data` our status; `status` is that of HTTP. */
export interface FailedCall {
  readonly json: {
    readonly code: string
    readonly message: string
    readonly data: {
      readonly status: number
      readonly retryable: boolean
      readonly details: Readonly<Record<string, Json>>
      /** What a person can do about it; each server of ours says it. */
      readonly remedy?: string
    }
  }
}

/** Reads a {@link FailedCall}, whatever else is in it. */
export const failedCall: Schema<FailedCall> = z.looseObject({
  json: z.looseObject({ code: z.string(), message: z.string(), data: wireErrorData }),
})

/** How long the texts of an error are at most: they may have words of the caller in them, megabytes of them. */
const mostText = 4096

/** Any error of an implementation, ready to travel: our code, our status in the data, an HTTP status for others' eyes. */
export function toWireError(error: unknown, method: string): ORPCError<string, Json> {
  const { code, message, status, retryable, details, remedy } = asNbError(recognise(error, method))
  const data = { status, retryable, details: mapTexts(details), remedy }
  return new ORPCError(code, { message: cut(message), status: httpStatus(code), data })
}

function mapTexts(details: NbError['details']): NbError['details'] {
  const isLong = (value: Json | undefined): value is string =>
    typeof value === 'string' && value.length > mostText
  if (!Object.values(details).some(isLong)) return details
  return Object.fromEntries(
    Object.entries(details).map(([key, value]) => [key, isLong(value) ? cut(value) : value]),
  )
}

function cut(text: string): string {
  return text.length > mostText ? `${text.slice(0, mostText)}…` : text
}

function recognise(error: unknown, method: string): unknown {
  if (!isWireError(error)) return error
  if (error.cause instanceof ValidationError)
    return messageInvalid(`the argument of ${method}`, error.cause.issues)
  return error
}

/**
 * What a caller is told: the implementation's error as it was, or why the wire failed.
 *
 * @param away - makes the error for a peer that gives no answer
 */
export function fromWireError(
  error: unknown,
  method: string,
  peer: string,
  away: (cause: unknown) => NbError = (cause) => unreachable(peer, cause),
): Error {
  if (error instanceof NbError) return error
  if (!isWireError(error)) return away(error)
  const data = wireErrorData.safeParse(error.data)
  const isNowhere = error.code === 'NOT_FOUND' || (error.code === 'not-supported' && error.status === 404)
  if (isNowhere)
    return new NbError('not-supported', `${peer} does not serve ${method}`, { ...data.data, cause: error })
  if (!data.success) return away(error)
  const { remedy, ...told } = data.data
  const options = { ...told, ...(remedy === undefined ? {} : { remedy }) }
  if (isErrorCode(error.code))
    return new NbError(error.code, error.message, { ...options, cause: error.cause })
  return new NbError('internal', error.message, {
    ...options,
    details: { ...told.details, code: error.code },
  })
}

/** What an answer says that is no answer to a call: the server speaks to nobody like us. */
export function fromRefusal(body: unknown, peer: string): Error {
  const read = failedCall.safeParse(body)
  if (!read.success) return unreachable(peer, new Error('it refuses, in words that are not ours'))
  const { json } = read.data
  return fromWireError(new ORPCError(json.code, { message: json.message, data: json.data }), 'any call', peer)
}

/** Nobody answered, or the connection ended before the answer. */
export function unreachable(peer: string, cause: unknown): NbError {
  return new NbError('server-unreachable', `no answer from ${peer}: ${reasonOf(cause)}`, {
    details: { peer },
    cause,
  })
}

/** What went wrong, in the words of whoever noticed it. */
export function reasonOf(cause: unknown): string {
  const inner = innermost(cause)
  const { code } = (inner ?? {}) as NodeJS.ErrnoException
  // Node's own words for it, "aborted" and "socket hang up", say nothing of it.
  return code === 'ECONNRESET' ? 'its connection ended before the answer' : asNbError(inner).message
}

/** Clients of HTTP wrap what went wrong a few times; the innermost says it. */
function innermost(error: unknown): unknown {
  let inner = error
  for (let depth = 0; depth < 5 && inner instanceof Error && inner.cause !== undefined; depth++)
    inner = inner.cause
  return inner
}

/** `instanceof` would make its type `any`. */
function isWireError(error: unknown): error is ORPCError<string, unknown> {
  return error instanceof ORPCError
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorKinds, code)
}

const notFound = /-unknown$|^not-found$|-missing$|^no-image-matches$|^path-not-backed-up$/
const conflict = /-conflict$|^already-exists$|-exists$|^request-duplicate$|^image-(needed|incomplete)$/
const invalid = /-invalid$|^value-missing$|^version-unsupported$/
const notAllowed = /^access-denied$|^(identity|token|ticket)-invalid$/
const notNow = /-unreachable$|^manager-stopping$|^store-locked$/

function httpStatus(code: ErrorCode): number {
  if (notAllowed.test(code)) return 403
  if (invalid.test(code)) return 400
  if (notFound.test(code)) return 404
  if (conflict.test(code)) return 409
  if (code === 'not-supported') return 501
  return notNow.test(code) ? 503 : 500
}

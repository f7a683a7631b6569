import { ORPCError } from '@orpc/client'
import { NbError } from '@nb/contracts'
import { toWireError } from './wire-error.ts'

/** For every handler: whatever a method ends with leaves as an error of ours. */
export async function withWireErrors<Result>(options: {
  readonly path: readonly string[]
  readonly next: () => Promise<Result>
}): Promise<Result> {
  try {
    return await options.next()
  } catch (error) {
    throw toWireError(error, options.path.join('.'))
  }
}

/** For every handler: a request that no method can be called with is `message-invalid`. */
export async function withReadableRequests<Result>(options: {
  readonly request: { readonly url: URL }
  readonly next: () => Promise<Result>
}): Promise<Result> {
  try {
    return await options.next()
  } catch (error) {
    if (error instanceof ORPCError) throw error
    const method = options.request.url.pathname.split('/').slice(-2).join('.')
    const reason = error instanceof Error ? error.message : String(error)
    throw toWireError(
      new NbError('message-invalid', `the argument of ${method}: ${reason}`, { cause: error }),
      method,
    )
  }
}

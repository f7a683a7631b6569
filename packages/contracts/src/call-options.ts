/** The last argument of every port method. */
export interface CallOptions {
  /** Aborting ends the call with an `AbortError`; what the call had begun is undone or stays idempotent. */
  readonly signal?: AbortSignal
}

/** Plain data: what every argument and result of a port is made of, so that it survives a wire. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Throws the signal's `AbortError` when it is aborted. */
export function throwIfAborted(options: CallOptions | undefined): void {
  options?.signal?.throwIfAborted()
}

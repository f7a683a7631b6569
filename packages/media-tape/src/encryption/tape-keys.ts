import type { CallOptions } from '@nb/contracts'

/** A key of tapes. */
export interface TapeKey {
  /** 1–30 printable characters of ASCII: stands in clear on the tapes that are encrypted with it. */
  readonly label: string
  /** 32 bytes, a copy of the caller's own: to be wiped after use. Never logged. */
  readonly key: Uint8Array
}

/** The keys of a media server. A local power: keys never cross a wire of ours, nor are they in a catalog. */
export interface TapeKeys {
  /** With which volumes are encrypted that are labelled from now on; `undefined` where there is none. Rejects with `store-corrupt`. */
  active(options?: CallOptions): Promise<TapeKey | undefined>
  /** The key of that label; `undefined` where it is not here. Rejects with `store-corrupt`. */
  find(input: { readonly label: string }, options?: CallOptions): Promise<TapeKey | undefined>
}

import type * as x509 from './x509/x509.ts'

/** Loads the X.509 library: it takes a fifth of a second, which a command that makes no identity need not wait for. */
export function loadX509(): Promise<typeof x509> {
  return import('./x509/x509.ts')
}

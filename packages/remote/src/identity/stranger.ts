import type { HostIdentity } from './identity.ts'

/**
 * What a host connects with that is nobody yet: it shows no certificate and trusts one authority, the one of its token. It may enrol,
 * and nothing else.
 *
 * @param authority - PEM, such as `authorityAt` gives
 */
export function strangerTo(authority: string): HostIdentity {
  const material = { certificate: '', privateKey: '', authorities: authority }
  return { current: () => material, onChange: () => () => undefined }
}

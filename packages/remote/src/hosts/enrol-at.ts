import { type CallOptions, type Files, systemFiles } from '@nb/contracts'
import { connect } from '../connect.ts'
import { authorityAt } from '../identity/authority-at.ts'
import { enrolHost } from '../identity/enrol-host.ts'
import { strangerTo } from '../identity/stranger.ts'
import type { OwnIdentity } from '../identity/identity-files.ts'
import { parseToken } from '../identity/token.ts'
import { parseTlsAddress } from '../tls/tls-address.ts'

/** Where a host or person enrols, and with what. */
export interface Enrolling {
  /** The master's: `host`, `host:port` or `[v6]:port`. */
  readonly master: string
  /** As the administrator was given it. */
  readonly token: string
  /** Where this host is reached, each `host:port`; none for a person. @default none */
  readonly addresses?: readonly string[]
  /** Where the identity is kept: made with mode 0700 where it is not there. */
  readonly directory: string
  /** Whether the identity of another name that is there is replaced. @default false */
  readonly replace?: boolean
  /** @default systemFiles() */
  readonly files?: Files
}

/**
 * Enrols this host, or a person, at a master: trusts nothing but the authority whose fingerprint is in the token. May be called again with the same token when
 * it fails. Rejects with `token-invalid`, `identity-invalid` for a master of another site, `server-unreachable`, `argument-invalid`, `already-exists` where the directory has the identity of another name.
 */
export async function enrolAt(
  { master, token, addresses = [], directory, replace = false, files = systemFiles() }: Enrolling,
  options: CallOptions = {},
): Promise<OwnIdentity> {
  const address = parseTlsAddress(master)
  const fingerprint = parseToken(token).authority
  const authorities = await authorityAt({ ...address, fingerprint, ...options })
  const connection = await connect({ address: master, identity: strangerTo(authorities), ...options })
  try {
    return await enrolHost(
      { enrolment: connection.enrolment, directory, files },
      { token, addresses, replace },
      options,
    )
  } finally {
    connection.close()
  }
}

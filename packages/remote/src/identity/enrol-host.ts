import { X509Certificate } from 'node:crypto'
import { type CallOptions, type Enrolment, type Files, NbError, systemFiles } from '@nb/contracts'
import { IdentityFiles, type OwnIdentity, ownIdentity } from './identity-files.ts'
import { loadX509 } from './load-x509.ts'
import { fingerprintOf } from './peer-identity.ts'
import { parseToken } from './token.ts'
import { pemTexts } from './x509/pem.ts'

/** What enrolling takes. */
export interface EnrolComponents {
  /** The master's, over a connection that trusts the authority of the token alone: {@link authorityAt}. */
  readonly enrolment: Pick<Enrolment, 'enrol'>
  /** Where the identity is kept: made with mode 0700 where it is not there. One that was there before is replaced. */
  readonly directory: string
  /** @default systemFiles() */
  readonly files?: Files
}

/** What is asked for. */
export interface EnrolRequest {
  /** As the administrator was given it. */
  readonly token: string
  /** Where this host is reached, each `host:port`. @default none */
  readonly addresses?: readonly string[]
}

/**
 * Makes a key, has it certified with a token, and keeps both. The key leaves the directory for nowhere. When it fails it can be
 * called again with the same token: what was certified already is given once more. Rejects with `token-invalid`,
 * `identity-invalid` for an answer that is not of the token's authority, `file-failed`, and what the connection rejects with.
 */
export async function enrolHost(
  { enrolment, directory, files = systemFiles() }: EnrolComponents,
  { token: text, addresses = [] }: EnrolRequest,
  options?: CallOptions,
): Promise<OwnIdentity> {
  const token = parseToken(text)
  const x509 = await loadX509()
  const kept = new IdentityFiles(files, directory)
  const privateKey = await kept.nextKey()
  const request = await x509.makeRequest(privateKey)
  const issued = await enrolment.enrol({ token: token.secret, request, addresses }, options)
  const [authority] = pemTexts('CERTIFICATE', issued.authorities)
  if (authority === undefined || fingerprintOf(new X509Certificate(authority)) !== token.authority)
    throw new NbError(
      'identity-invalid',
      'the answer is of another authority than the token: do not use that server',
    )
  const own = ownIdentity({ ...issued, privateKey })
  await x509.readRevocations(issued.revocations, authority)
  await kept.keep(issued, privateKey)
  return own
}

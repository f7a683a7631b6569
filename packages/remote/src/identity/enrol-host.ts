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
  /** Where the identity is kept: made with mode 0700 where it is not there. One of the same name that was there before is replaced. */
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
  /** Whether the identity of another name that is in the directory is replaced. @default false */
  readonly replace?: boolean
}

/**
 * Makes a key, has it certified with a token, and keeps both. The key leaves the directory for nowhere. When it fails it can be
 * called again with the same token: what was certified already is given once more. Rejects with `token-invalid`,
 * `identity-invalid` for an answer that is not of the token's authority, `already-exists` where the directory has the identity of another name, `file-failed`, and what the connection rejects with.
 */
export async function enrolHost(
  { enrolment, directory, files = systemFiles() }: EnrolComponents,
  { token: text, addresses = [], replace = false }: EnrolRequest,
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
  if (!replace) refuseOther(await present(kept), own, directory)
  await kept.keep(issued, privateKey)
  return own
}

/** Who is in the directory. Files that are no identity keep nobody from enrolling, which mends them. */
async function present(kept: IdentityFiles): Promise<OwnIdentity | undefined> {
  try {
    const material = await kept.read()
    return material === undefined ? undefined : ownIdentity(material)
  } catch (error) {
    if (error instanceof NbError && error.code === 'identity-invalid') return undefined
    throw error
  }
}

function refuseOther(there: OwnIdentity | undefined, own: OwnIdentity, directory: string): void {
  if (there === undefined || there.name === own.name) return
  const since = new Date(there.notBefore).toISOString()
  throw new NbError(
    'already-exists',
    `${directory} has the identity of ${there.name} (${there.roles.join(', ')}), certified on ${since}; the token is for ${own.name}, and nothing was replaced`,
    {
      details: { directory, name: there.name, roles: [...there.roles], since: there.notBefore },
      remedy: `Enrol with the same token and another --directory, or with --replace where ${there.name} is not needed here any more.`,
    },
  )
}

import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { type Files, type IssuedIdentity, NbError } from '@nb/contracts'
import type { IdentityMaterial } from './identity.ts'
import { type PeerIdentity, peerIdentityOf } from './peer-identity.ts'
import { readSecret, removeSecret, writeSecret } from './secret-file.ts'
import { makeKey, publicKeyOf, spkiOf } from './x509/keys.ts'
import { pemTexts } from './x509/pem.ts'

/**
 * The identity of a host or person at rest. `identity.pem` has its key and certificates and is replaced in one step, so that they are
 * always of one another; `authorities.pem` whom to trust, `revocations.pem` whom not any more, `next.pem` the key that is being certified.
 */
export class IdentityFiles {
  readonly #files: Files
  readonly #directory: string

  constructor(files: Files, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  /** The identity, or `undefined` where there is none. Rejects with `identity-invalid` for files that are none. */
  async read(): Promise<IdentityMaterial | undefined> {
    const text = await readSecret(this.#files, this.#path('identity'))
    if (text === undefined) return undefined
    const authorities = await readSecret(this.#files, this.#path('authorities'))
    const revocations = await readSecret(this.#files, this.#path('revocations'))
    const [privateKey] = pemTexts('PRIVATE KEY', text)
    const certificate = pemTexts('CERTIFICATE', text).join('')
    if (privateKey === undefined || certificate === '' || authorities === undefined)
      throw this.#invalid('it has not all of key, certificate and authorities')
    const material = {
      certificate,
      privateKey,
      authorities,
      ...(revocations === undefined ? {} : { revocations }),
    }
    return this.#checked(material)
  }

  /** The key that is being certified: the one of an earlier try, whose answer may have got lost, or a new one. */
  async nextKey(): Promise<string> {
    const path = this.#path('next')
    const known = await readSecret(this.#files, path)
    if (known !== undefined) return known
    const made = await makeKey()
    await writeSecret(this.#files, path, made)
    return made
  }

  /** Keeps what was issued for {@link nextKey}, which is no longer that then. */
  async keep(issued: IssuedIdentity, privateKey: string): Promise<void> {
    // The key and its certificate last: what they need is there when they are.
    await writeSecret(this.#files, this.#path('authorities'), issued.authorities)
    await writeSecret(this.#files, this.#path('revocations'), issued.revocations)
    await writeSecret(this.#files, this.#path('identity'), privateKey + issued.certificate)
    await removeSecret(this.#files, this.#path('next'))
  }

  /** Keeps another list of revoked certificates. */
  keepRevocations(pem: string): Promise<void> {
    return writeSecret(this.#files, this.#path('revocations'), pem)
  }

  #path(name: 'identity' | 'authorities' | 'revocations' | 'next'): string {
    return join(this.#directory, `${name}.pem`)
  }

  #checked(material: IdentityMaterial): IdentityMaterial {
    try {
      ownIdentity(material)
      return material
    } catch (cause) {
      throw this.#invalid(cause instanceof Error ? cause.message : String(cause), cause)
    }
  }

  #invalid(why: string, cause?: unknown): NbError {
    const path = this.#path('identity')
    return new NbError('identity-invalid', `${path} is not an identity: ${why}`, { details: { path }, cause })
  }
}

/** Who a material says its holder is, and from when to when, milliseconds since the epoch. */
export interface OwnIdentity extends PeerIdentity {
  readonly notBefore: number
  readonly notAfter: number
}

/** Reads it; throws `identity-invalid` where key, certificate and authorities do not belong together. */
export function ownIdentity(material: Omit<IdentityMaterial, 'revocations'>): OwnIdentity {
  const certificate = new X509Certificate(material.certificate)
  if (!spkiOf(certificate.publicKey).equals(publicKeyOf(material.privateKey)))
    throw new NbError('identity-invalid', 'the certificate is not of this key')
  const authorities = pemTexts('CERTIFICATE', material.authorities).map((pem) => new X509Certificate(pem))
  if (!authorities.some((authority) => authority.ca && certificate.verify(authority.publicKey)))
    throw new NbError('identity-invalid', 'the certificate is not of an authority that is trusted')
  const { validFrom, validTo } = certificate
  return {
    ...peerIdentityOf(certificate),
    notBefore: Date.parse(validFrom),
    notAfter: Date.parse(validTo),
  }
}

import { createPublicKey, type KeyObject, webcrypto } from 'node:crypto'
import { fromPem, toPem } from './pem.ts'

const { subtle } = webcrypto
const p256 = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** A new ECDSA key on P-256: PKCS #8 as PEM. */
export async function makeKey(): Promise<string> {
  const { privateKey } = await subtle.generateKey(p256, true, ['sign', 'verify'])
  return toPem('PRIVATE KEY', new Uint8Array(await subtle.exportKey('pkcs8', privateKey)))
}

/** The key of {@link makeKey}, to sign with. Throws where the text is no such key. */
export async function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = fromPem('PRIVATE KEY', pem)
  if (der === undefined) throw new TypeError('this is no private key in PKCS #8 PEM')
  return subtle.importKey('pkcs8', Uint8Array.from(der), p256, false, ['sign'])
}

/** The public half of a private key in PEM: SubjectPublicKeyInfo in DER. */
export function publicKeyOf(pem: string): Buffer {
  return spkiOf(createPublicKey(pem))
}

/** SubjectPublicKeyInfo in DER. */
export function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** Whether it is an ECDSA key on P-256, the only ones that are certified. */
export function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
}

/** The kinds of PEM texts that identities are made of (RFC 7468). */
export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY' | 'X509 CRL'

/** DER as PEM, with a newline at its end. */
export function toPem(label: PemLabel, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** The PEM texts of a kind in a text, in their order, each on its own. */
export function pemTexts(label: PemLabel, text: string): string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]*-----END ${label}-----`, 'g')
  return [...text.matchAll(block)].map(([found]) => `${found}\n`)
}

/** The DER of the first PEM text of a kind, or `undefined` where there is none. */
export function fromPem(label: PemLabel, text: string): Buffer | undefined {
  const [found] = pemTexts(label, text)
  return found === undefined ? undefined : Buffer.from(found.replace(/-----[^-]+-----/g, ''), 'base64')
}

import type { CallOptions } from './call-options.ts'

/** What an authority gives a host or person that it knows: PEM texts. */
export interface IssuedIdentity {
  /** The new certificate, then the authority's. */
  readonly certificate: string
  /** The authorities to trust. */
  readonly authorities: string
  /** The certificates that are good no more, as a signed list. */
  readonly revocations: string
}

/**
 * How hosts and persons come to a certificate of the master's authority, and to the next one. Keys are made by who asks and never
 * travel. No caller has to have proven itself before: a token or a proof is in what it sends.
 *
 * Obligations: a token makes one certificate; sent again with the same request it gives the same certificate, so that an answer may get
 * lost, and with another request nothing. What is refused leaves no trace but in the audit log.
 */
export interface Enrolment {
  /**
   * Certifies the key of a PKCS #10 request (PEM, ECDSA on P-256) for the name and the roles of a token. `token` is its secret part.
   * Certificates that the name had before are revoked. `addresses` are where the host is reached, each `host:port`; those that the
   * administrator gave come before. Rejects with `token-invalid`, `argument-invalid`.
   */
  enrol(
    input: { readonly token: string; readonly request: string; readonly addresses?: readonly string[] },
    options?: CallOptions,
  ): Promise<IssuedIdentity>
  /**
   * Certifies a new key for whoever a certificate names, with the roles that it has now. `proof` is the signature (ECDSA, SHA-256, DER as
   * base64) of the certificate's key over `nb-renew-1`, a newline and the request as it is sent. The certificate stays good until
   * its end. Rejects with `identity-invalid` for one that has ended, was revoked, is not of this authority or is not
   * the sender's, `argument-invalid` for the request, `state-conflict`, retryable, where the name got one a short while ago.
   */
  renew(
    input: { readonly certificate: string; readonly request: string; readonly proof: string },
    options?: CallOptions,
  ): Promise<IssuedIdentity>
  /** The list of revoked certificates as it is now, PEM. It is signed, so that it may come from anywhere. */
  revocations(input: Record<string, never>, options?: CallOptions): Promise<{ readonly revocations: string }>
}

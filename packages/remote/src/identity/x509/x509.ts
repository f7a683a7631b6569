/** All that needs the X.509 library, in one module, so that it is loaded when an identity is made and not by every command. */
export { keyIdOf, signCertificate, signerOf, type Signer } from './certificate.ts'
export {
  alternativeNames,
  basicConstraints,
  commonName,
  extendedKeyUsage,
  keyUsage,
  nameConstraints,
} from './extensions.ts'
export { makeRequest, readRequest } from './request.ts'
export { readRevocations, type Revocation, type RevocationList, signRevocations } from './revocation-list.ts'

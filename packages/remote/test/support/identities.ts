import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostIdentity, IdentityMaterial, Role } from '../../src/identity/identity.ts'

const directory = mkdtempSync(join(tmpdir(), 'nb-identities-'))
process.once('exit', () => rmSync(directory, { recursive: true }))
const openssl = (...args: string[]) => void execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
const read = (name: string): string => readFileSync(join(directory, name), 'utf8')
const newKey = (file: string): string[] =>
  `-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${file}`.split(' ')
let files = 0

/** An authority that lasts as long as the test, and what it certifies. */
export interface TestAuthority {
  readonly certificate: string
  readonly identity: (
    name: string,
    roles: readonly Role[],
    options?: { readonly days?: number },
  ) => IdentityMaterial
}

export function testAuthority(): TestAuthority {
  const ca = `ca${files++}`
  openssl(
    'req',
    '-x509',
    ...newKey(`${ca}.key`),
    '-out',
    `${ca}.pem`,
    '-days',
    '9',
    '-subj',
    '/CN=nb of a test',
  )
  return {
    certificate: read(`${ca}.pem`),
    identity: (name, roles, { days = 3 } = {}) => {
      const file = `id${files++}`
      const uris = [`urn:nb:host:${name}`, ...roles.map((role) => `urn:nb:role:${role}`)]
      const alternatives = uris.map((uri) => `URI:${uri}`).join(',')
      writeFileSync(
        join(directory, `${file}.ext`),
        `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n`,
      )
      openssl('req', ...newKey(`${file}.key`), '-out', `${file}.csr`, '-subj', `/CN=${name}`)
      const signed = `-req -in ${file}.csr -CA ${ca}.pem -CAkey ${ca}.key -CAcreateserial -out ${file}.pem`
      openssl('x509', ...signed.split(' '), '-days', String(days), '-extfile', `${file}.ext`)
      return {
        certificate: read(`${file}.pem`),
        privateKey: read(`${file}.key`),
        authorities: read(`${ca}.pem`),
      }
    },
  }
}

/** An identity that a test renews by hand. */
export function held(material: IdentityMaterial): HostIdentity & { become(next: IdentityMaterial): void } {
  let now = material
  const listeners = new Set<() => void>()
  return {
    current: () => now,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    become: (next) => {
      now = next
      for (const listener of listeners) listener()
    },
  }
}

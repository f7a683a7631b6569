import { NbError } from '@nb/contracts'

/** The port that a host of nb listens on unless it is told another. */
export const defaultPort = 13_724

/** Where a host listens. */
export interface TlsAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string
  readonly port: number
}

const pattern = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9._-]+))(?::(?<port>[0-9]{1,5}))?$/

/** Reads `host`, `host:port` or `[v6]:port`. Throws `argument-invalid` that shows the form. */
export function parseTlsAddress(text: string): TlsAddress {
  const { v6, host, port } = pattern.exec(text)?.groups ?? {}
  const name = v6 ?? host
  const number = port === undefined ? defaultPort : Number(port)
  if (name !== undefined && number >= 1 && number <= 65_535) return { host: name, port: number }
  throw new NbError(
    'argument-invalid',
    `${JSON.stringify(text)} is no address: write host, host:port or [v6-address]:port, such as backup1.example.org:${defaultPort}`,
    { details: { field: 'address' } },
  )
}

/** The text that {@link parseTlsAddress} reads. */
export function formatTlsAddress({ host, port }: TlsAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

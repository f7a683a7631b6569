import { NbError } from '@nb/contracts'

/** Where a target is reached. */
export interface IscsiPortal {
  /** Name or address; IPv6 without brackets. */
  readonly host: string
  /** 1–65 535. */
  readonly port: number
}

/** The port of iSCSI (RFC 7143, 14). */
export const iscsiPort = 3260

/**
 * A portal as people and targets write it: `host`, `host:port`, `[v6 address]:port`; a portal group tag after a comma is left out.
 * @throws NbError `argument-invalid`
 */
export function parsePortal(text: string): IscsiPortal {
  const parts = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:[\]@/,%]+))(?::(\d{1,5}))?(?:,\d{1,5})?$/.exec(text)
  const host = parts?.[1] ?? parts?.[2]
  const port = parts?.[3] === undefined ? iscsiPort : Number(parts[3])
  if (host === undefined)
    throw new NbError('argument-invalid', 'a portal is written HOST, HOST:PORT or [V6-ADDRESS]:PORT', {
      details: { field: 'portal' },
    })
  if (port < 1 || port > 65_535)
    throw new NbError('argument-invalid', `a port is a number from 1 to 65535, not ${port}`, {
      details: { field: 'port' },
    })
  return { host, port }
}

/** `host:port`, with brackets around an IPv6 address. */
export function printPortal({ host, port }: IscsiPortal): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

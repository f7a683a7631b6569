import { STATUS_CODES } from 'node:http'
import { NbError } from '@nb/contracts'
import { toWireError } from '../wire/wire-error.ts'
import { infoPath, openApiPath, rpcPrefix } from './server-info.ts'

/** The answer to a request that gets to no method: that of a call that failed. */
export interface Refusal {
  readonly error: NbError
  /** HTTP's. @default as for a call that failed so */
  readonly status?: number
  /** The method that would be right, for the header `allow`. */
  readonly allow?: 'GET' | 'POST'
}

/** Status and body, JSON. */
export function toldRefusal({ error, status }: Refusal): { readonly status: number; readonly body: string } {
  const wireError = toWireError(error, 'any call')
  const json = status === undefined ? wireError.toJSON() : { ...wireError.toJSON(), status }
  return { status: json.status, body: JSON.stringify({ json }) }
}

/** Nothing is at this path. */
export function nothingAt(path: string): Refusal {
  return {
    status: 404,
    error: new NbError('not-supported', `${path.slice(0, 200)} is not served here`, {
      details: { path: path.slice(0, 200) },
      remedy: `Ask a host that serves it: GET ${infoPath} tells the ports of one, GET ${openApiPath} their calls, POST ${rpcPrefix}/PORT/METHOD.`,
    }),
  }
}

/** Something is, and is asked for in another way. */
export function otherMethod(path: string, method: string | undefined, allow: 'GET' | 'POST'): Refusal {
  const how = allow === 'POST' ? 'POST it, with {"json": ARGUMENT} as its body.' : 'GET it.'
  return {
    status: 405,
    allow,
    error: new NbError('not-supported', `${path} takes ${allow}, not ${method}`, {
      details: { path, allow },
      remedy: how,
    }),
  }
}

/** By Node's name of what was wrong with it. */
const unreadable: Readonly<Record<string, readonly [status: number, why: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'its head is longer than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'it did not come in time'],
}

/**
 * What a request that can't be read is answered with, as it goes over the connection; `undefined` where nobody is left to hear it.
 *
 * @param cause - the `clientError` of Node's server
 */
export function unreadableAnswer(cause: NodeJS.ErrnoException): string | undefined {
  const { code = '' } = cause
  const isSyntax = code.startsWith('HPE_')
  const [status, why] = unreadable[code] ?? [400, `it is no HTTP/1.1: ${cause.message}`]
  if (!isSyntax && unreadable[code] === undefined) return undefined
  const error = new NbError('message-invalid', `the request can't be read: ${why}`, {
    details: { code },
    remedy: 'Send HTTP/1.1 with a head of at most 16 KiB, and the whole of it within 15 s.',
  })
  const { body } = toldRefusal({ error, status })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

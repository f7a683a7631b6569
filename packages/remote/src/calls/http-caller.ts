import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { StandardRPCLink, type StandardLinkClient } from '@orpc/client/standard'
import type { StandardLazyResponse, StandardRequest } from '@orpc/standard-server'
import { toEventIterator } from '@orpc/standard-server-node'
import type { Caller } from '../wire/call-port.ts'
import { rpcPrefix, versionHeader, wireVersion } from './server-info.ts'

/** A server as HTTP requests reach it. */
export interface HttpPeer {
  /** The server, for messages: its socket's path, or host and port. */
  readonly name: string
  readonly request: (options: RequestOptions) => ClientRequest
  /** Cuts its connections. */
  readonly close: () => void
}

/** Calls over HTTP, with connections kept for the next call. */
export interface HttpCaller extends Caller {
  /** A plain GET: status and body. */
  readonly get: (
    path: string,
    signal?: AbortSignal,
  ) => Promise<{ readonly status: number; readonly body: string }>
  readonly close: () => void
}

/** Calls carry nothing beside their argument. */
type NoContext = Record<never, never>

/** Makes one. Nothing is connected before the first call. */
export function createHttpCaller(peer: HttpPeer): HttpCaller {
  const client: StandardLinkClient<NoContext> = {
    call: async (request) => toResponse(await answerOf(peer, askOf(request))),
  }
  const link = new StandardRPCLink<NoContext>(client, { url: `http://nb${rpcPrefix}` })
  return {
    peer: peer.name,
    call: (path, input, options) => link.call(path, input, { ...options, context: {} }),
    get: async (path, signal) => {
      const answer = await answerOf(peer, {
        method: 'GET',
        path,
        ...(signal === undefined ? {} : { signal }),
      })
      return { status: answer.statusCode ?? 0, body: await textOf(answer) }
    },
    close: peer.close,
  }
}

interface Ask {
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly signal?: AbortSignal
}

function askOf({ method, url, body, signal }: StandardRequest): Ask {
  return {
    method,
    path: url.pathname + url.search,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }
}

async function answerOf(peer: HttpPeer, { body, ...rest }: Ask): Promise<IncomingMessage> {
  const headers = {
    [versionHeader]: String(wireVersion),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
  }
  for (;;) {
    const request = peer.request({ ...rest, headers })
    try {
      return await send(request, body)
    } catch (error) {
      // A kept connection that the server had closed just then: the request was not taken. Try a fresh one.
      if (!request.reusedSocket || (error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    }
  }
}

function send(request: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    request.end(body)
  })
}

function toResponse(answer: IncomingMessage): StandardLazyResponse {
  const streaming = answer.headers['content-type']?.startsWith('text/event-stream') === true
  return {
    status: answer.statusCode ?? 500,
    headers: answer.headers,
    body: async () => {
      if (streaming) return toEventIterator(answer)
      const body = await textOf(answer)
      return body === '' ? undefined : (JSON.parse(body) as unknown)
    },
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  answer.setEncoding('utf8')
  let text = ''
  for await (const piece of answer) text += piece as string
  return text
}

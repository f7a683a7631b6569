import type { Server as HttpServer, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Clock, Logger } from '@nb/contracts'
import { serverStopping } from '../wire/serve-port.ts'
import { unreadableAnswer } from './refusal.ts'

/** How a server of calls lives, whatever it listens on. */
export interface HttpService {
  /** Aborts when it stops. */
  readonly ending: AbortSignal
  /** To be called once, with the server that answers. */
  readonly attach: (server: HttpServer | HttpsServer) => void
  /** Ends open streams with `server-unreachable`, gives calls under way their grace and cuts what is left. */
  readonly stop: () => Promise<void>
}

/** What {@link createHttpService} works with. */
export interface HttpServiceOptions {
  /** How long calls under way may take to finish when it stops, milliseconds, 0 or more. */
  readonly graceMs: number
  /** Times the grace. */
  readonly clock: Clock
  /** Is told of requests that could not be read. */
  readonly log: Logger
}

/** Makes one. The server that is attached neither limits how long a call takes nor how long a connection is idle, unless it says so itself. */
export function createHttpService({ graceMs, clock, log }: HttpServiceOptions): HttpService {
  if (!(graceMs >= 0)) throw new TypeError(`graceMs must be 0 or more, not ${graceMs}`)
  const ending = new AbortController()
  let server: HttpServer | HttpsServer
  return {
    ending: ending.signal,
    attach: (attached) => {
      server = attached
      server.on('clientError', (error, socket) => {
        log.error('a request could not be read: %o', error)
        const answer = unreadableAnswer(error)
        // With the kernel at once, or not at all: nothing is kept for a caller that does not read.
        if (answer !== undefined && socket.writable) socket.write(answer)
        socket.destroy()
      })
      // A stream's connection is kept for the next call; when stopping there is none.
      server.on('request', (_request, response: ServerResponse) =>
        response.once(
          'close',
          () => ending.signal.aborted && setImmediate(() => server.closeIdleConnections()),
        ),
      )
    },
    stop: async () => {
      ending.abort(serverStopping())
      const closed = closeServer(server)
      const cancel = clock.setTimer(graceMs, () => server.closeAllConnections(), { keepAlive: true })
      await closed.finally(cancel)
    },
  }
}

function closeServer(server: HttpServer | HttpsServer): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)))
    server.closeIdleConnections()
  })
}

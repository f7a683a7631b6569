import { debugLogger, type Logger } from '@nb/contracts'
import { portsAt } from '../connect.ts'
import type { PortName, Ports } from '../contracts/ports.ts'
import { serve } from '../serve.ts'
import { everyCall, twinAddress, twinHosts } from './twin-hosts.ts'

/** Ports behind a wire, and the way to cut it. */
export interface WireTwin<Served> {
  /** The same ports; every argument, result, item and error of them has been bytes of a TLS connection in between. */
  readonly ports: Served
  /**
   * Cuts the wire: calls under way on the implementations are aborted, those of the twin fail with `server-unreachable`. Resolves when nothing
   * of it is left.
   */
  readonly close: () => Promise<void>
}

/** Options of {@link createWireTwin}. */
export interface WireTwinOptions {
  /** @default debugLogger('nb:remote:twin') */
  readonly log?: Logger
}

/**
 * Puts implementations of ports behind a wire: they are served on a TCP port of 127.0.0.1, as another host would serve them, and called from
 * this process over TLS 1.3 with certificates that are good for nothing else. What passes a port's conformance suite through its twin can live
 * on another host.
 *
 * Throws a `TypeError` for an implementation that lacks a method of its port.
 */
export async function createWireTwin<Name extends PortName>(
  implementations: Pick<Ports, Name>,
  { log = debugLogger('nb:remote:twin') }: WireTwinOptions = {},
): Promise<WireTwin<Pick<Ports, Name>>> {
  const { near, far } = await twinHosts()
  const server = await serve(implementations, {
    ...{ port: 0, host: twinAddress, identity: far, access: everyCall, graceMs: 0, log },
  })
  const address = `${twinAddress}:${server.port}`
  const connection = portsAt({ address, identity: near, expect: { name: 'far' } })
  const names = Object.keys(implementations) as Name[]
  return {
    ports: Object.fromEntries(names.map((name) => [name, connection[name]])) as unknown as Pick<Ports, Name>,
    close: () => {
      connection.close()
      return server.stop()
    },
  }
}

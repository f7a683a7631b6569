import type { PortName } from '../contracts/ports.ts'
import { portContracts } from '../contracts/ports.ts'
import { closed, count, list, oneOf, type Schema, text } from '../schemas/schema.ts'

/** The version of the calls on the wire. A peer of another one is refused clearly. */
export const wireVersion = 1

/** Where a caller says its version of the calls; a caller in another language need not. */
export const versionHeader = 'nb-wire'

/** Where a server tells about itself. */
export const infoPath = '/nb'

/** Where a server describes its ports to programs in other languages. */
export const openApiPath = '/nb/openapi.json'

/** Where the calls are: `POST /rpc/<port>/<method>`. */
export const rpcPrefix = '/rpc'

/** What a server tells about itself. */
export interface ServerInfo {
  readonly service: 'nb'
  /** The version of the calls. */
  readonly wire: number
  readonly pid: number
  /** The ports it serves. */
  readonly ports: readonly PortName[]
}

const portName: Schema<PortName> = oneOf<PortName>(
  Object.fromEntries(Object.keys(portContracts).map((name) => [name, true])) as Record<PortName, true>,
)

/** Checks what a server tells about itself, once its version is known to be ours. */
export const serverInfo: Schema<ServerInfo> = closed<ServerInfo>({
  service: text as Schema<'nb'>,
  wire: count,
  pid: count,
  ports: list(portName),
})

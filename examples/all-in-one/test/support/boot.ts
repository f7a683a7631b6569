import { join } from 'node:path'
import { type Catalog, type Files, lifecycle, systemClock, systemFiles } from '@nb/contracts'
import type { OpenTapeLibrary } from '@nb/media-tape'
import { type AllInOne, composeAllInOne } from '../../src/compose.ts'
import { lossWarning, openDatabase } from '@nb/example-host-program/database'
import type { ServerSettings } from '../../src/settings.ts'

/** Places and parts that a test wants otherwise. */
export interface BootOptions {
  readonly diskDirectory?: string
  readonly files?: Files
  /** @default one try a job, so that a failure is its end */
  readonly settings?: ServerSettings
  readonly warn?: (text: string) => void
  readonly decorateCatalog?: (catalog: Catalog) => Catalog
  /** A tape library; it is closed with the server. */
  readonly tape?: OpenTapeLibrary
}

/** A server in this process; `stop` ends it and closes its database. */
export type BootedServer = AllInOne & { stop(): Promise<void> }

/** Opens the state and starts a server on it, as the example does; fragments are at most 1 MiB. */
export async function boot(state: string, options: BootOptions = {}): Promise<BootedServer> {
  const database = await openDatabase(state, {
    onLoss: (bytes) => options.warn?.(lossWarning(bytes)),
  })
  const server = composeAllInOne({
    database,
    files: systemFiles(),
    clock: systemClock(),
    imageDirectory: join(state, 'images'),
    diskDirectory: join(state, 'disk1'),
    stateDirectory: state,
    maxFragmentBytes: 1024 * 1024,
    settings: { tries: 1 },
    ...options,
  })
  const all = lifecycle(
    { stop: () => database.close() },
    { stop: async () => await options.tape?.close() },
    server,
  )
  await all.start()
  return { ports: server.ports, start: all.start, stop: all.stop }
}

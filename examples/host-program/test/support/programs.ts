import { join } from 'node:path'
import type { Network } from './network.ts'

/** What programs of this repository run with on hosts: from their sources, which are compiled once for all. */
export function sourceEnvironment({ directory }: Pick<Network, 'directory'>): NodeJS.ProcessEnv {
  return {
    ...process.env,
    // What a test runner loads into every process is none of theirs.
    NODE_OPTIONS: '--conditions=@nb/source --no-warnings',
    NODE_COMPILE_CACHE: join(directory, 'compiled'),
  }
}

import { join } from 'node:path'
import { type Clock, type DataChannels, type Lifecycle, lifecycle } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { createClientAgent } from '@nb/transfer'

/** What a client stands on. */
export interface ClientGround {
  readonly clock: Clock
  /** Its own data channels. */
  readonly channels: DataChannels
  /** The master's ports. */
  readonly master: Pick<Ports, 'jobLog'>
  /** Folder of all its state; it is never backed up. */
  readonly stateDirectory: string
}

/** A client: it reads what is backed up and writes what is restored. */
export function composeClient({
  clock,
  channels,
  master,
  stateDirectory,
}: ClientGround): Required<Lifecycle> & { readonly ports: Pick<Ports, 'clientAgent'> } {
  const clientAgent = createClientAgent(
    { channels, clock, log: master.jobLog },
    { neverPaths: [stateDirectory], restoreNotes: join(stateDirectory, 'restores') },
  )
  return { ...lifecycle(clientAgent), ports: { clientAgent } }
}

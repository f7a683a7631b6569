import {
  type CallOptions,
  type ClientAgent,
  type LocalFileSystem,
  NbError,
  asNbError,
  isAbortError,
} from '@nb/contracts'

/** Where client agents are found. */
export interface ClientDirectory {
  /** The agent of a client, or `undefined` when it is not connected. */
  get(name: string): Pick<ClientAgent, 'fileSystems'> | undefined
}

/**
 * Asks a client what `ALL_LOCAL_DRIVES` stands for.
 * @throws NbError `not-supported` without client agents, `client-unreachable`, `source-missing` for a client without disks
 */
export async function askFileSystems(
  clients: ClientDirectory | undefined,
  policy: string,
  client: string,
  options?: CallOptions,
): Promise<readonly LocalFileSystem[]> {
  const details = { policy, client }
  if (clients === undefined) {
    throw new NbError(
      'not-supported',
      `policy ${policy} selects ALL_LOCAL_DRIVES, but this scheduler was given no client agents to ask`,
      { details },
    )
  }
  const unreachable = (why: string, cause?: unknown): NbError =>
    new NbError('client-unreachable', `client ${client} does not tell its file systems: ${why}`, {
      details,
      cause,
    })
  const agent = clients.get(client)
  if (agent === undefined) throw unreachable('it is not connected')
  const fileSystems = await agent.fileSystems({}, options).catch((error: unknown) => {
    throw isAbortError(error) ? error : unreachable(asNbError(error).message, error)
  })
  if (fileSystems.length > 0) return fileSystems
  throw new NbError('source-missing', `client ${client} has no local file system to back up`, { details })
}

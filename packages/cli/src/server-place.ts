import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { asNbError, type Clock, NbError } from '@nb/contracts'
import { connect, type Connection, openHost } from '@nb/remote'
import type { AskedPorts, GlobalOptions } from './registration/registration.ts'

/** The server that a command asks: one of this host by its socket, or a master by its address and the person's identity. */
export type ServerPlace =
  { readonly socketPath: string } | { readonly master: string; readonly identity: string }

/** What connecting takes. */
export interface ConnectWith {
  readonly clock: Clock
  /** Gives up connecting. */
  readonly signal: AbortSignal
  /** Is told what does not hold up the command. */
  readonly warn: (text: string) => void
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Which server is meant: that of `--master`, else of `--socket` or `--state`, else of `NB_MASTER`, else this host's. An empty variable is as good as
 * none.
 */
export function serverOf(options: GlobalOptions, env: Environment, cwd: string): ServerPlace {
  const { socket, state, master, identity } = options
  const isHere = socket !== undefined || state !== undefined
  const address = master ?? (isHere ? undefined : nonEmpty(env['NB_MASTER']))
  if (address === undefined) return { socketPath: socketPathOf(options, env, cwd) }
  const given = identity ?? nonEmpty(env['NB_IDENTITY'])
  return {
    master: address,
    identity: given === undefined ? join(homedir(), '.config/nb/identity') : resolve(cwd, given),
  }
}

/**
 * Connects. A person's certificate is renewed when two thirds of its life are over, the list of revoked ones fetched when it is out of date: nobody does that
 * while nb does not run.
 */
export async function connectTo(
  place: ServerPlace,
  { clock, signal, warn }: ConnectWith,
): Promise<Connection & Pick<AskedPorts, 'ownClient'>> {
  if ('socketPath' in place) return connect({ ...place, signal })
  const { master: address, identity: directory } = place
  const { identity, stop } = await openHost({ clock, directory, master: address })
  try {
    const connection = await connect({ address, identity, signal }).catch(async (error: unknown) => {
      if (!(error instanceof NbError) || error.code !== 'identity-invalid') throw error
      await identity.refresh()
      return connect({ address, identity, signal })
    })
    const { name, roles, notBefore, notAfter } = identity.own()
    if (clock.now() > notBefore + ((notAfter - notBefore) * 2) / 3)
      await identity
        .renew()
        .catch((error: unknown) => warn(`your certificate was not renewed: ${asNbError(error).message}`))
    return roles.every((role) => role === 'client') ? { ...connection, ownClient: name } : connection
  } finally {
    await stop()
  }
}

/**
 * Where the server's socket is: `--socket`, else `nb.sock` in `--state`, in `NB_STATE`, in `var/nb`. An empty `NB_STATE` is as
 * good as none.
 */
function socketPathOf(
  { socket, state }: GlobalOptions,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string {
  const fromEnvironment = nonEmpty(env['NB_STATE'])
  return socket ?? join(state ?? fromEnvironment ?? join(cwd, 'var/nb'), 'nb.sock')
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

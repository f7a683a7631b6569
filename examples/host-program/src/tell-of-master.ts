import { type ErrorRecord, fromErrorRecord, NbError } from '@nb/contracts'
import type { OpenedHost } from '@nb/remote'
import { tellSystemd } from './tell-systemd.ts'

/** How long a program waits with saying that it serves until it knows whether its master answers, milliseconds. */
const firstWordMs = 2000

/** The way to the master, as a program tells of it. */
export interface ToldOfMaster {
  /** Resolves, soon after its start, with how it is; what changes then is told by itself. */
  readonly firstWord: () => Promise<string>
  /** Aborts when the certificate of this host is revoked, with what to do. */
  readonly failed: AbortSignal
}

/**
 * Has a program say on standard error that its master does not answer, why and since when, and on standard output that it does again. To be called before the host is started.
 *
 * @param address - the master's, as it was typed
 */
export function tellOfMaster(host: OpenedHost, address: string): ToldOfMaster {
  const failed = new AbortController()
  let isHeard: ((word: string) => void) | undefined
  const first = new Promise<string>((resolve) => (isHeard = resolve))
  const say = (word: string): void => {
    if (isHeard !== undefined) {
      isHeard(word)
      isHeard = undefined
    } else console.log(`nb: ${word}`)
    void tellSystemd([`STATUS=${word}`])
  }
  host.on('master:away', ({ error, since }) => {
    console.error(
      `warning: no connection to the master at ${address} since ${new Date(since).toISOString()}: ${error.message}\n${fromErrorRecord(error).remedy}`,
    )
    say(`it waits for the master at ${address}, and asks again every few seconds`)
  })
  host.on('master:reached', ({ awaySince }) => {
    const again = awaySince === undefined ? '' : `, which was away since ${new Date(awaySince).toISOString()}`
    say(`connected to the master at ${address}${again}`)
  })
  host.on('host:revoked', ({ error }) => {
    failed.abort(revoked(host, error))
  })
  return {
    firstWord: () => Promise.race([first, soon(`it asks the master at ${address}`)]),
    failed: failed.signal,
  }
}

function revoked({ identity }: OpenedHost, { message, details }: ErrorRecord): NbError {
  const { name, roles } = identity.own()
  return new NbError('identity-invalid', `the certificate of ${name} was revoked: ${message}`, {
    details,
    remedy: `Where it is to come back, nb host token ${name} --role ${roles.join(' --role ')} on the master, nb host enrol here, and start it again; otherwise nothing more is to be done.`,
  })
}

function soon(word: string): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, firstWordMs, word))
}

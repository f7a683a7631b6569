import { NbError } from '@nb/contracts'

const broken = 'the data channel was broken: '

/** Why every call of a broken channel fails. One that was broken because another one was says why that was. */
export function channelBroken(why: string): NbError {
  const reason = why.startsWith(broken) ? why.slice(broken.length) : why
  return new NbError('channel-broken', broken + reason, { details: { reason } })
}

/** A ticket that opens nothing, or nothing any more. Which of both is not told: the token is a secret. */
export function ticketInvalid(address: string): NbError {
  return new NbError(
    'ticket-invalid',
    `the ticket for the data channel at ${address} is unknown, used or out of date; ask for a new one`,
    { details: { address }, remedy: 'Begin the backup or restore again: each try has tickets of its own.' },
  )
}

/** The listening side is not there, or went before it had answered. */
export function nobodyAnswers(address: string, cause: unknown): NbError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new NbError(
    'server-unreachable',
    `nobody answers on ${address} (${reason}); its process may have ended, or the network between is cut`,
    { details: { address }, cause },
  )
}

/** The caller broke the rule of one `write`, one `read` at a time, or wrote after its own `end`. */
export function misused(what: string): NbError {
  return new NbError('state-conflict', `a data channel ${what}`)
}

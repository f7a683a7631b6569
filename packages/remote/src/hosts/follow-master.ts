import { type Clock, createEmitter, type ErrorRecord, type Logger, type Observable } from '@nb/contracts'
import { type HostIdentityEvents, isRevoked } from '../identity/host-identity.ts'

/** What a host notices of its master. Times are milliseconds since the epoch. */
export interface MasterEvents {
  /** When the master can't be reached, or does not let this host in, and whenever the reason has become another. */
  'master:away': { readonly error: ErrorRecord; readonly since: number }
  /** When it answers for the first time, or again: since when it had not. */
  'master:reached': { readonly awaySince?: number }
  /** When it says that the certificate of this host is revoked: nothing more can be done with it. */
  'host:revoked': { readonly error: ErrorRecord }
}

/** Tells how the way to the master is, by what becomes of the list of revoked certificates that is fetched there every minute. */
export function followMaster(
  identity: Observable<HostIdentityEvents>,
  clock: Pick<Clock, 'now'>,
  log: Logger,
): Observable<MasterEvents> {
  const { emit, on, once, off } = createEmitter<MasterEvents>(log)
  let state: { readonly since: number; readonly message: string } | 'reached' | 'revoked' | undefined
  const failed = ({ error }: { readonly error: ErrorRecord }): void => {
    if (state === 'revoked') return
    if (isRevoked(error)) {
      state = 'revoked'
      emit('host:revoked', { error })
      return
    }
    const before = typeof state === 'object' ? state : undefined
    const { message } = error
    const since = before?.since ?? clock.now()
    state = { since, message }
    if (before?.message !== message) emit('master:away', { error, since })
  }
  identity.on('identity:no-revocations', failed)
  identity.on('identity:not-renewed', ({ error }) => {
    if (isRevoked(error)) failed({ error })
  })
  identity.on('identity:listed', () => {
    if (state === 'reached' || state === 'revoked') return
    const awaySince = state?.since
    state = 'reached'
    emit('master:reached', awaySince === undefined ? {} : { awaySince })
  })
  return { on, once, off }
}

import { createPrivateKey, sign } from 'node:crypto'
import {
  asNbError,
  type Clock,
  createEmitter,
  debugLogger,
  type Enrolment,
  type ErrorRecord,
  type Files,
  type Lifecycle,
  type Logger,
  NbError,
  type Observable,
  SerialQueue,
  systemFiles,
  toErrorRecord,
} from '@nb/contracts'
import { renewalText } from './enrolment.ts'
import type { HostIdentity, IdentityMaterial } from './identity.ts'
import { IdentityFiles, type OwnIdentity, ownIdentity } from './identity-files.ts'
import { loadX509 } from './load-x509.ts'
import type { RevocationList } from './x509/revocation-list.ts'

/** What an identity is kept with. */
export interface HostIdentityComponents {
  readonly clock: Clock
  /** The master's; a call may fail while the master is not there. */
  readonly enrolment: Pick<Enrolment, 'renew' | 'revocations'>
  /** Where {@link enrolHost} has put it. */
  readonly directory: string
  /** @default systemFiles() */
  readonly files?: Files
  /** @default debugLogger('nb:remote:identity') */
  readonly log?: Logger
}

/** Options of {@link openHostIdentity}. */
export interface HostIdentityOptions {
  /** Time between two looks at the list of revoked certificates, milliseconds. @default 60000 */
  readonly refreshMs?: number
  /** Time until the next such look after one that failed, milliseconds. @default 10000 */
  readonly refreshRetryMs?: number
  /** Longest time between two tries to renew, milliseconds. @default 3600000 */
  readonly retryMs?: number
}

/** Events of an identity. */
export interface HostIdentityEvents {
  /** When there is a new certificate, with its end. */
  'identity:renewed': { readonly notAfter: number }
  /** When renewing failed: it is tried again, but for a certificate that is revoked. `notAfter` is the end of the present one. */
  'identity:not-renewed': {
    readonly error: ErrorRecord
    readonly notAfter: number
    readonly retryAt?: number
  }
  /** When the list of revoked certificates changed, with its end. */
  'identity:revocations': { readonly nextUpdate: number }
  /** When the master has told its list of revoked certificates, changed or not. */
  'identity:listed': Readonly<Record<string, never>>
  /** When no new list could be had; it is asked for again. */
  'identity:no-revocations': { readonly error: ErrorRecord }
}

/** An identity that renews itself between `start` and `stop`. */
export interface KeptIdentity extends HostIdentity, Required<Lifecycle>, Observable<HostIdentityEvents> {
  /** Who it is, by the present certificate. */
  own(): OwnIdentity
  /** Has a new key certified now. Rejects as `Enrolment.renew`, and with `identity-invalid` for an answer that is not right. */
  renew(): Promise<void>
  /** Fetches the list of revoked certificates now. Rejects with `identity-invalid` for one that is not right, or older. */
  refresh(): Promise<void>
}

/** Whether it is the master's word that the caller's own certificate is good no more. */
export function isRevoked({ code, details }: Pick<ErrorRecord, 'code' | 'details'>): boolean {
  return code === 'identity-invalid' && details['reason'] === 'CERT_REVOKED'
}

function serialsOf({ revoked }: RevocationList): ReadonlySet<string> {
  return new Set(revoked.map(({ serial }) => serial))
}

/**
 * Opens the identity of a directory. `start` renews it whenever two thirds of a certificate's life are over, and keeps the list of revoked
 * certificates fresh; what fails is tried again. Rejects with `identity-invalid` where there is none, or it can't be read.
 */
export async function openHostIdentity(
  {
    clock,
    enrolment,
    directory,
    files = systemFiles(),
    log = debugLogger('nb:remote:identity'),
  }: HostIdentityComponents,
  { refreshMs = 60_000, refreshRetryMs = 10_000, retryMs = 3_600_000 }: HostIdentityOptions = {},
): Promise<KeptIdentity> {
  const kept = new IdentityFiles(files, directory)
  const first = await kept.read()
  if (first === undefined)
    throw new NbError('identity-invalid', `there is no identity in ${directory}; enrol this host first`, {
      details: { directory },
      remedy: `On the master: nb host token NAME --role ROLE. Here: nb --master HOST host enrol --token-file FILE --directory ${directory} --address HOST:PORT.`,
    })
  const { emit, on, once, off } = createEmitter<HostIdentityEvents>(log)
  const listeners = new Set<() => void>()
  const work = new SerialQueue()
  const timers = { renewal: (): void => {}, refresh: (): void => {} }
  let material: IdentityMaterial = first
  let own = ownIdentity(first)
  let isRunning = false
  let failures = 0
  let ending = new AbortController()

  const change = (next: IdentityMaterial): void => {
    material = next
    own = ownIdentity(next)
    for (const listener of [...listeners]) {
      try {
        listener()
      } catch (error) {
        log.error('a listener for changes of the identity threw: %o', error)
      }
    }
  }
  const renew = async (): Promise<void> => {
    const x509 = await loadX509()
    const privateKey = await kept.nextKey()
    const request = await x509.makeRequest(privateKey)
    const proof = sign('sha256', renewalText(request), createPrivateKey(material.privateKey)).toString(
      'base64',
    )
    const issued = await enrolment.renew(
      { certificate: material.certificate, request, proof },
      { signal: ending.signal },
    )
    const next = ownIdentity({ ...issued, privateKey, authorities: material.authorities })
    if (next.name !== own.name)
      throw new NbError('identity-invalid', `the new certificate names ${next.name}, not ${own.name}`)
    const list = await x509.readRevocations(issued.revocations, material.authorities)
    await kept.keep(issued, privateKey)
    change({ ...issued, privateKey, revoked: serialsOf(list) })
    emit('identity:renewed', { notAfter: own.notAfter })
  }
  const refresh = async (): Promise<void> => {
    const { revocations } = await enrolment.revocations({}, { signal: ending.signal })
    if (material.revocations === revocations) return
    const x509 = await loadX509()
    const next = await x509.readRevocations(revocations, material.authorities)
    if (material.revocations !== undefined) {
      const present = await x509.readRevocations(material.revocations, material.authorities)
      if (next.thisUpdate < present.thisUpdate)
        throw new NbError(
          'identity-invalid',
          'the list of revoked certificates is older than the one that is here',
        )
    }
    await kept.keepRevocations(revocations)
    change({ ...material, revocations, revoked: serialsOf(next) })
    emit('identity:revocations', { nextUpdate: next.nextUpdate })
  }

  const renewAt = (): number => own.notBefore + ((own.notAfter - own.notBefore) * 2) / 3
  const planRenewal = (at: number): void => {
    timers.renewal()
    if (isRunning) timers.renewal = clock.setTimer(at - clock.now(), () => void tryToRenew())
  }
  const tryToRenew = async (): Promise<void> => {
    try {
      await work.run(renew)
      failures = 0
      planRenewal(renewAt())
    } catch (cause) {
      const error = asNbError(cause)
      failures += 1
      const retryAt = clock.now() + Math.min(retryMs, 10_000 * 2 ** Math.min(failures, 20))
      // A certificate that is revoked stays so: a person has to enrol again. Clocks and addresses can be set right.
      const isOver = isRevoked(error)
      log.error('the certificate of %s was not renewed: %s', own.name, error.message)
      emit('identity:not-renewed', {
        error: toErrorRecord(error),
        notAfter: own.notAfter,
        ...(isOver ? {} : { retryAt }),
      })
      if (!isOver) planRenewal(retryAt)
    }
  }
  const tryToRefresh = async (): Promise<void> => {
    let nextMs = refreshMs
    try {
      await work.run(refresh)
      emit('identity:listed', {})
    } catch (cause) {
      nextMs = Math.min(refreshMs, refreshRetryMs)
      const error = asNbError(cause)
      log.error('the list of revoked certificates was not had: %s', error.message)
      emit('identity:no-revocations', { error: toErrorRecord(error) })
    }
    if (isRunning) timers.refresh = clock.setTimer(nextMs, () => void tryToRefresh())
  }
  return {
    current: () => material,
    onChange: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    own: () => own,
    renew: () => work.run(renew),
    refresh: () => work.run(refresh),
    start: async () => {
      if (isRunning) return
      isRunning = true
      ending = new AbortController()
      planRenewal(renewAt())
      timers.refresh = clock.setTimer(0, () => void tryToRefresh())
    },
    stop: async () => {
      isRunning = false
      timers.renewal()
      timers.refresh()
      ending.abort()
      await work.settled()
    },
    on,
    once,
    off,
  }
}

import { type JobRegistry, NbError, describeStatus, statusCodes } from '@nb/contracts'
import { releaseAll } from './give-back.ts'
import type { Ending, JobRecord } from './job-record.ts'
import type { SessionParts } from './sessions.ts'
import { endSessionsOf } from './session-calls.ts'

/** What the registry needs of the manager. */
export interface RegistryParts extends SessionParts {
  /** Throws when no job may begin. */
  readonly checkOpen: () => void
  /** Resolves when the job is final. */
  readonly final: (jobId: string) => Promise<unknown>
  /** Is told that the owner of a job has come back. */
  readonly claimed: (jobId: string) => void
  /** Is told that a job has been put on the list. */
  readonly submitted: (jobId: string) => void
}

/** Jobs whose flow is run by others but which live in the one jobs database. */
export function createJobRegistry(parts: RegistryParts): JobRegistry {
  const { store } = parts
  return {
    register: async (input) => {
      parts.checkOpen()
      const { jobId, created } = await store.create({ kind: 'registered', request: input })
      if (created) parts.submitted(jobId)
      parts.claimed(jobId)
      return { jobId }
    },
    update: async ({ jobId, progress, operation, backupId, mediaServer, storageUnit }) => {
      parts.claimed(jobId)
      const record = store.current(jobId)
      if (record === undefined) {
        if ((await store.read(jobId)) === undefined) throw unknownJob(jobId)
        return
      }
      if (record.phase === 'ended') return
      const live = {
        ...(progress === undefined ? {} : { progress }),
        ...(operation === undefined ? {} : { operation }),
      }
      const facts = {
        ...(backupId === undefined ? {} : { backupId }),
        ...(mediaServer === undefined ? {} : { mediaServer }),
        ...(storageUnit === undefined ? {} : { storageUnit }),
      }
      if (Object.keys(facts).length === 0) store.show(jobId, live)
      else await store.apply(jobId, { kind: 'noted', facts: { ...facts, ...live } })
    },
    finish: async ({
      jobId,
      status,
      statusText = statusCodes[status]?.meaning ?? describeStatus(status),
    }) => {
      parts.claimed(jobId)
      const record = store.current(jobId)
      if (record === undefined) {
        if ((await store.read(jobId)) === undefined) throw unknownJob(jobId)
        return
      }
      if (!isRegistered(record)) {
        throw new NbError(
          'state-conflict',
          `job ${jobId} is a ${record.type}: the job manager itself ends it`,
        )
      }
      if (record.phase === 'ended') await parts.final(jobId)
      else await endRegistered(parts, record, { status, statusText, warnings: status === 1 ? 1 : 0 })
    },
  }
}

function isRegistered({ phase, schedule, work }: JobRecord): boolean {
  return phase === 'registered' || (phase === 'ended' && schedule === undefined && work === undefined)
}

/** Moves a registered job to done and gives back all that it and its sessions hold. */
export async function endRegistered(parts: SessionParts, record: JobRecord, ending: Ending): Promise<void> {
  const { store, clock, requests } = parts
  await store.apply(record.id, { kind: 'ended', at: clock.now(), ending })
  requests.refuse(record.id, new NbError('session-unknown', `job ${record.id} has ended`))
  await settleRegistered(parts, record.id)
}

/** The last steps of a registered job whose ending is written down. */
export async function settleRegistered(parts: SessionParts, jobId: string): Promise<void> {
  const record = parts.store.current(jobId)
  if (record === undefined) return
  await releaseAll(parts, record)
  await parts.store.apply(jobId, { kind: 'settled' })
}

/** Ends a registered job whose owner did not come back: its sessions, what it holds, and itself with 63. */
export async function endAbandoned(parts: SessionParts, record: JobRecord): Promise<void> {
  const status = record.cancel === undefined ? 63 : 150
  const reason = record.cancel?.reason ?? 'the server was restarted while the job ran'
  await endSessionsOf(parts, record, { status, reason })
  await endRegistered(parts, record, { status, statusText: reason, warnings: 0 })
}

/** The typed error for a job nobody knows. */
export function unknownJob(jobId: string): NbError {
  return new NbError('job-unknown', `there is no job ${jobId}`, { details: { jobId } })
}

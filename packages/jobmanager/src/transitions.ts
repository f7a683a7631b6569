import { type Job, type JobProgress, type MediaRequest, NbError } from '@nb/contracts'
import type { Ending, Holding, JobPhase, JobRecord } from './job-record.ts'
import { mergeProgress } from './job-view.ts'

/** What can happen to a job. */
export type JobChange =
  /** Step 5: resources are its own; it is active. */
  | { readonly kind: 'granted'; readonly at: number; readonly holding: Holding }
  /** Back on the queue after a restart, before anything was done with the grant. */
  | { readonly kind: 'requeued' }
  /** Step 6: its image is there. */
  | { readonly kind: 'imaged'; readonly backupId: string }
  /** Step 7: its session lives. */
  | { readonly kind: 'started'; readonly sessionId: string; readonly mediaServer: string }
  /** A session asked for media, and this is about to be acknowledged. */
  | { readonly kind: 'media-asked'; readonly request: string; readonly input: MediaRequest }
  /** The answer has arrived at the session. */
  | { readonly kind: 'media-answered'; readonly request: string }
  /** A session of it was granted a medium. */
  | { readonly kind: 'leased'; readonly request: string; readonly holding: Holding }
  | { readonly kind: 'unleased'; readonly request: string }
  /** Facts that lists show. */
  | { readonly kind: 'noted'; readonly facts: JobFacts }
  | { readonly kind: 'cancel-requested'; readonly at: number; readonly reason: string }
  /** Step 14: the job is done; its ending is written down. */
  | { readonly kind: 'ended'; readonly at: number; readonly ending: Ending }
  /** Step 15 failed: the ending was not true. */
  | { readonly kind: 'amended'; readonly ending: Ending }
  /** Image and resources are settled; nothing changes any more. */
  | { readonly kind: 'settled' }

/** Facts that lists show and that decide nothing. */
export interface JobFacts {
  readonly progress?: JobProgress
  readonly operation?: Job['operation']
  readonly backupId?: string
  readonly mediaServer?: string
  readonly storageUnit?: string
}

const beforeEnd: readonly JobPhase[] = ['queued', 'granted', 'imaged', 'running', 'registered']

const allowedIn: Readonly<Record<JobChange['kind'], readonly JobPhase[]>> = {
  granted: ['queued'],
  requeued: ['granted'],
  imaged: ['granted'],
  started: ['imaged', 'running'],
  'media-asked': ['imaged', 'running', 'registered'],
  'media-answered': ['imaged', 'running', 'registered'],
  leased: ['imaged', 'running', 'registered'],
  unleased: ['imaged', 'running', 'registered', 'ended'],
  noted: [...beforeEnd, 'ended'],
  'cancel-requested': beforeEnd,
  ended: beforeEnd,
  amended: ['ended'],
  settled: ['ended'],
}

/** Whether the change is legal now. */
export function allows(record: JobRecord, kind: JobChange['kind']): boolean {
  return allowedIn[kind].includes(record.phase)
}

/**
 * Whether the change must be durable before anyone hears of it. The others are found again after a crash: a grant by
 * its request id, an image and a session by their job.
 */
export function isReportable(kind: JobChange['kind']): boolean {
  return kind === 'cancel-requested' || kind === 'ended' || kind === 'amended' || kind === 'settled'
}

/** The job after a change. Throws `state-conflict` for one that is not legal in its phase. */
export function applyChange(record: JobRecord, change: JobChange): JobRecord {
  if (!allows(record, change.kind)) {
    throw new NbError('state-conflict', `job ${record.id} is ${record.phase}: it can't be ${change.kind}`, {
      details: { jobId: record.id, phase: record.phase, change: change.kind },
    })
  }
  switch (change.kind) {
    case 'granted': {
      const { storageUnit, mediaServer } = change.holding.allocation
      return {
        ...record,
        phase: 'granted',
        held: change.holding,
        storageUnit,
        mediaServer,
        activeAt: change.at,
      }
    }
    case 'requeued': {
      const { held: _, activeAt: __, storageUnit: ___, mediaServer: ____, ...rest } = record
      return { ...rest, phase: 'queued' }
    }
    case 'imaged':
      return { ...record, phase: 'imaged', backupId: change.backupId }
    case 'started': {
      const { sessionId, mediaServer } = change
      return { ...record, phase: 'running', session: { sessionId, mediaServer } }
    }
    case 'media-asked': {
      const mediaRequests = { ...record.mediaRequests, [change.request]: change.input }
      // The first request of a backup is answered with the job's own grant.
      if (record.held === undefined) return { ...record, mediaRequests }
      return { ...record, mediaRequests, heldFor: record.heldFor ?? change.request }
    }
    case 'media-answered': {
      const { [change.request]: _, ...mediaRequests } = record.mediaRequests
      return { ...record, mediaRequests }
    }
    case 'leased': {
      const { storageUnit, mediaServer } = change.holding.allocation
      const sessionHoldings = { ...record.sessionHoldings, [change.request]: change.holding }
      return { ...record, sessionHoldings, storageUnit, mediaServer }
    }
    case 'unleased': {
      const { [change.request]: _, ...sessionHoldings } = record.sessionHoldings
      return { ...record, sessionHoldings }
    }
    case 'noted': {
      const { progress, ...facts } = change.facts
      if (progress === undefined) return { ...record, ...facts }
      return { ...record, ...facts, progress: mergeProgress(record.progress, progress) }
    }
    case 'cancel-requested':
      return { ...record, cancel: record.cancel ?? { at: change.at, reason: change.reason } }
    case 'ended':
      return { ...record, phase: 'ended', endedAt: change.at, ending: trueEnding(record, change.ending) }
    case 'amended':
      return { ...record, ending: change.ending }
    case 'settled': {
      const { held: _, heldFor: __, operation: ___, ending, ...rest } = record
      const { completion: ____, ...kept } = ending as Ending
      return { ...rest, phase: 'final', mediaRequests: {}, sessionHoldings: {}, ending: kept }
    }
  }
}

/** A backup that was asked to be cancelled before it was done ends with 150, however its session ended. */
export function trueEnding(record: JobRecord, ending: Ending): Ending {
  if (record.cancel === undefined || record.type !== 'backup') return ending
  return { status: 150, statusText: record.cancel.reason, warnings: ending.warnings }
}

import { type BackupCheckpoint, type Job, type JobProgress, type MediaRequest, NbError } from '@nb/contracts'
import { attemptOf, closesAttempt } from './attempts.ts'
import {
  type ChildEnd,
  type Ending,
  type Holding,
  type JobPhase,
  type JobRecord,
  type Rest,
  isBackupRecord,
} from './job-record.ts'
import type { LiveFacts } from './job-view.ts'
import { mergeProgress } from './progress.ts'
import { noRows, withRow, withoutRow } from './rows.ts'

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
  /** A worker has it. */
  | { readonly kind: 'working'; readonly at: number }
  /** A session asked for media, and this is about to be acknowledged. */
  | { readonly kind: 'media-asked'; readonly request: string; readonly input: MediaRequest }
  /** The answer has arrived at the session. */
  | { readonly kind: 'media-answered'; readonly request: string }
  /** A session of it was granted a medium. */
  | { readonly kind: 'leased'; readonly request: string; readonly holding: Holding }
  | { readonly kind: 'unleased'; readonly request: string }
  /** All that its session has sent up to here is durable. */
  | { readonly kind: 'checkpointed'; readonly checkpoint: BackupCheckpoint }
  /** Its checkpoint turned out to be of no use: image and place are forgotten, and it starts afresh. */
  | { readonly kind: 'afresh' }
  /** Facts that lists show. */
  | { readonly kind: 'noted'; readonly facts: JobFacts }
  | { readonly kind: 'prioritised'; readonly priority: number }
  | { readonly kind: 'cancel-requested'; readonly at: number; readonly reason: string }
  | { readonly kind: 'suspend-requested'; readonly at: number; readonly reason: string }
  /** The try is over, the job is not: image and resources are settled next. */
  | { readonly kind: 'attempt-ended'; readonly rest: Rest }
  /** Nothing is held any more: it rests, or is back on the queue. */
  | { readonly kind: 'rested'; readonly at: number; readonly firstLine: number }
  /** Held back between two tries. */
  | { readonly kind: 'held-back'; readonly at: number; readonly reason: string }
  /** Back on the queue for another try, by itself or by a person, who is not bound to the window. */
  | {
      readonly kind: 'queued-again'
      readonly at: number
      readonly firstLine: number
      readonly byHand: boolean
    }
  /** A part of this parent is active, for the first time. */
  | { readonly kind: 'child-active'; readonly at: number }
  /** A part of this parent is final. */
  | { readonly kind: 'child-ended'; readonly jobId: string; readonly end: ChildEnd }
  /** Step 14: the job is done; its ending is written down. */
  | { readonly kind: 'ended'; readonly at: number; readonly ending: Ending }
  /** Step 15 failed: the ending was not true. */
  | { readonly kind: 'amended'; readonly ending: Ending }
  /** The files of an archive are taken off the client as far as they could be. */
  | { readonly kind: 'removed'; readonly at: number; readonly ending: Ending }
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

const inTry: readonly JobPhase[] = ['queued', 'granted', 'imaged', 'running', 'working']
const atRest: readonly JobPhase[] = ['waiting-for-retry', 'suspended', 'incomplete']
const beforeEnd: readonly JobPhase[] = [...inTry, ...atRest, 'resting', 'registered', 'parent']
const withSession: readonly JobPhase[] = ['imaged', 'running', 'registered']

const phases = (...all: readonly JobPhase[]): ReadonlySet<JobPhase> => new Set(all)

const allowedIn: Readonly<Record<JobChange['kind'], ReadonlySet<JobPhase>>> = {
  granted: phases('queued'),
  requeued: phases('granted'),
  imaged: phases('granted'),
  started: phases('imaged', 'running'),
  working: phases('queued', 'granted'),
  'media-asked': phases(...withSession),
  'media-answered': phases(...withSession),
  leased: phases(...withSession),
  unleased: phases(...withSession, 'resting', 'ended'),
  checkpointed: phases('imaged', 'running'),
  afresh: phases('queued', 'granted', 'resting'),
  noted: phases(...beforeEnd, 'ended'),
  prioritised: phases(...beforeEnd),
  'cancel-requested': phases(...beforeEnd),
  'suspend-requested': phases(...inTry),
  'attempt-ended': phases(...inTry),
  rested: phases('resting'),
  'held-back': phases('waiting-for-retry'),
  'queued-again': phases(...atRest),
  'child-active': phases('parent'),
  'child-ended': phases('parent'),
  ended: phases(...beforeEnd),
  amended: phases('ended'),
  removed: phases('ended'),
  settled: phases('ended'),
}

/** Whether the change is legal now. */
export function allows(record: JobRecord, kind: JobChange['kind']): boolean {
  return allowedIn[kind].has(record.phase)
}

const reportable: ReadonlySet<JobChange['kind']> = new Set<JobChange['kind']>([
  'checkpointed',
  'prioritised',
  'cancel-requested',
  'suspend-requested',
  'attempt-ended',
  'rested',
  'held-back',
  'queued-again',
  'child-ended',
  'ended',
  'amended',
  'removed',
  'settled',
])

/**
 * Whether the change must be durable before anyone hears of it. The others are found again after a crash: a grant by
 * its request id, an image and a session by their job.
 */
export function isReportable(kind: JobChange['kind']): boolean {
  return reportable.has(kind)
}

/** Changes of a job that nobody could be told a failure of: they are written again until they are. */
export function isInsisted(kind: JobChange['kind']): boolean {
  return insisted.has(kind)
}

const insisted: ReadonlySet<JobChange['kind']> = new Set<JobChange['kind']>([
  'attempt-ended',
  'rested',
  'queued-again',
  'ended',
  'amended',
  'removed',
  'settled',
])

/**
 * The job after a change, with the facts that were shown of it since. Throws `state-conflict` for one that is not legal in its phase.
 *
 * ```
 *                 resources     image        session
 *   ┌─► queued ─────────► granted ───► imaged ───► running ──────► ended ──► final
 *   │     │  └─ work job ─► working ──────────────────┼──────────────▲▲
 *   │     └───────┴─ a try fails or is suspended ─────┴──┐           ││
 *   │                                                    ▼           ││
 *   │    waiting-for-retry · suspended · incomplete ◄─ resting ──────┘│
 *   └──── by itself ──────── by a person ─────┘ │    image, resources │
 *                                               └─ its time is over, cancelled
 *   registered ─► ended ─► final        parent ── all children final ─► ended ─► final
 * ```
 *
 * - `resting` says where to: what the try held is given back before lists show it.
 * - A cancel that was noted before `ended` makes a backup or work job end with 150, whatever else happened.
 * - A suspend that was noted is forgotten when the try comes to its own end first.
 * - A checkpoint keeps the image over tries; without one each try has an image of its own.
 */
export function applyChange(record: JobRecord, change: JobChange, live: LiveFacts = record): JobRecord {
  if (!allows(record, change.kind)) {
    throw new NbError('state-conflict', `job ${record.id} is ${record.phase}: it can't be ${change.kind}`, {
      details: { jobId: record.id, phase: record.phase, change: change.kind },
    })
  }
  const { progress, operation } = live
  // What every backup goes through is copied once, facts and all.
  switch (change.kind) {
    case 'imaged': {
      const { backupId } = change
      const resumedFrom = record.checkpoint?.number
      return { ...record, phase: 'imaged', backupId, resumedFrom, progress, operation }
    }
    case 'media-answered': {
      const mediaRequests = withoutRow(record.mediaRequests, change.request)
      return { ...record, mediaRequests, progress, operation }
    }
    case 'ended': {
      const ending = trueEnding(record, change.ending)
      const endedAt = change.at
      return { ...record, phase: 'ended', endedAt, ending, suspend: undefined, progress, operation }
    }
    default:
      return applySeldom(withLive(record, live), change)
  }
}

/** The record with what has been shown of it since. */
function withLive(record: JobRecord, { progress, operation }: LiveFacts): JobRecord {
  if (progress === record.progress && operation === record.operation) return record
  return { ...record, progress, operation }
}

type SeldomChange = Exclude<JobChange, { readonly kind: 'imaged' | 'media-answered' | 'ended' }>

function applySeldom(record: JobRecord, change: SeldomChange): JobRecord {
  switch (change.kind) {
    case 'granted': {
      const { storageUnit, mediaServer } = change.holding.allocation
      const { holding, at } = change
      return { ...record, phase: 'granted', held: holding, storageUnit, mediaServer, activeAt: at }
    }
    case 'requeued':
      return { ...withoutTry(record), phase: 'queued' }
    case 'started': {
      const { sessionId, mediaServer } = change
      return { ...record, phase: 'running', session: { sessionId, mediaServer } }
    }
    case 'working':
      return { ...record, phase: 'working', activeAt: record.activeAt ?? change.at }
    case 'media-asked': {
      const mediaRequests = withRow(record.mediaRequests, change.request, change.input)
      // The first request of a backup is answered with the job's own grant.
      if (record.held === undefined) return { ...record, mediaRequests }
      return { ...record, mediaRequests, heldFor: record.heldFor ?? change.request }
    }
    case 'leased': {
      const { storageUnit, mediaServer } = change.holding.allocation
      const sessionHoldings = withRow(record.sessionHoldings, change.request, change.holding)
      return { ...record, sessionHoldings, storageUnit, mediaServer }
    }
    case 'unleased':
      return { ...record, sessionHoldings: withoutRow(record.sessionHoldings, change.request) }
    case 'checkpointed': {
      const newer = change.checkpoint.number > (record.checkpoint?.number ?? 0)
      return newer ? { ...record, checkpoint: change.checkpoint } : record
    }
    case 'afresh': {
      const queueings = record.queueings + 1
      return { ...record, checkpoint: undefined, resumedFrom: undefined, backupId: undefined, queueings }
    }
    case 'noted':
      return withFacts(record, change.facts)
    case 'prioritised':
      return { ...record, priority: change.priority }
    case 'cancel-requested':
      return { ...record, cancel: record.cancel ?? { at: change.at, reason: change.reason } }
    case 'suspend-requested':
      return { ...record, suspend: record.suspend ?? { at: change.at, reason: change.reason } }
    case 'attempt-ended': {
      const { rest } = change
      const tries = closesAttempt(record, rest.to)
        ? [...record.tries, attemptOf(record, { ...rest, endedAt: rest.at })]
        : record.tries
      return { ...record, phase: 'resting', rest, tries, suspend: undefined }
    }
    case 'rested': {
      const to = record.rest?.to ?? 'queued'
      const resting = atRestNow(record)
      return to === 'queued' ? nextTry(resting, change.at, change.firstLine) : { ...resting, phase: to }
    }
    case 'held-back': {
      const { at, reason } = change
      const { until: _, ...rest } = record.rest as Rest
      return {
        ...record,
        phase: 'suspended',
        rest: { ...rest, to: 'suspended', at, status: 157, statusText: reason },
      }
    }
    case 'queued-again': {
      const next = nextTry(record, change.at, change.firstLine)
      return change.byHand ? { ...next, windowClosesAt: undefined } : next
    }
    case 'child-active':
      return { ...record, activeAt: record.activeAt ?? change.at }
    case 'child-ended':
      return { ...record, childEnds: { ...record.childEnds, [change.jobId]: change.end } }
    case 'amended':
      return { ...record, ending: change.ending }
    case 'removed':
      return { ...record, endedAt: change.at, ending: { ...change.ending, removalDone: true } }
    case 'settled': {
      const { status, statusText, warnings } = record.ending as Ending
      return {
        ...record,
        phase: 'final',
        ending: { status, statusText, warnings },
        mediaRequests: noRows,
        sessionHoldings: noRows,
        held: undefined,
        heldFor: undefined,
        operation: undefined,
        checkpoint: undefined,
        rest: undefined,
      }
    }
  }
}

/** The record with those of the facts that are told. */
function withFacts(record: JobRecord, facts: JobFacts): JobRecord {
  return {
    ...record,
    backupId: facts.backupId ?? record.backupId,
    mediaServer: facts.mediaServer ?? record.mediaServer,
    storageUnit: facts.storageUnit ?? record.storageUnit,
    operation: facts.operation ?? record.operation,
    progress: facts.progress === undefined ? record.progress : mergeProgress(record.progress, facts.progress),
  }
}

/** A backup or work job that was asked to be cancelled before it was done ends with 150, however its session ended. */
export function trueEnding(record: JobRecord, ending: Ending): Ending {
  if (record.cancel === undefined || !(isBackupRecord(record) || record.work !== undefined)) return ending
  return { status: 150, statusText: record.cancel.reason, warnings: ending.warnings }
}

/** The record without what its try was granted and did. */
function withoutTry(record: JobRecord): JobRecord {
  // Where the kept image lies is where the next try has to go.
  const isKept = record.checkpoint !== undefined
  return {
    ...record,
    held: undefined,
    heldFor: undefined,
    activeAt: undefined,
    session: undefined,
    operation: undefined,
    resumedFrom: undefined,
    storageUnit: isKept ? record.storageUnit : undefined,
    mediaServer: isKept ? record.mediaServer : undefined,
  }
}

/** A record at rest holds nothing; without a checkpoint its image is gone too. */
function atRestNow(record: JobRecord): JobRecord {
  return {
    ...record,
    held: undefined,
    heldFor: undefined,
    session: undefined,
    operation: undefined,
    backupId: record.checkpoint === undefined ? undefined : record.backupId,
    mediaRequests: noRows,
    sessionHoldings: noRows,
  }
}

/** Back on the queue: another try, unless the present one never began. */
function nextTry(record: JobRecord, at: number, firstLine: number): JobRecord {
  const isOver = record.tries.at(-1)?.number === record.attempt.number
  const attempt = isOver ? { number: record.attempt.number + 1, startedAt: at, firstLine } : record.attempt
  const queueings = record.queueings + 1
  return { ...withoutTry(record), phase: 'queued', attempt, queueings, rest: undefined, progress: undefined }
}

import { type ScheduleCopy, type SessionReport, NbError, asNbError } from '@nb/contracts'
import { type AfterAttempt, type AttemptEnd, afterAttempt } from './after-attempt.ts'
import { removeArchived } from './archive-removal.ts'
import {
  becomeActive,
  completeImage,
  imageOfTry,
  requestResources,
  sessionEnding,
  sessionSpec,
} from './backup-steps.ts'
import type { ManagerParts } from './components.ts'
import { backupStep, describeStart, endingOfError } from './flow-lines.ts'
import { discardImage, releaseAll, releaseLease } from './give-back.ts'
import { noRoom } from './expected-bytes.ts'
import { noteVolumes } from './images-on-volumes.ts'
import type { Ending, JobRecord } from './job-record.ts'
import { isRemoving } from './job-view.ts'
import { retrying } from './patience.ts'
import type { RunningJob } from './running-job.ts'
import { endSessionsOf, mediaServerOf } from './session-calls.ts'

/**
 * The backup flow beside the table of the process flow, for one try. Steps 1–2 are the submission, 17 is the scheduler's
 * when it hears of the end. Never rejects for a failed backup: the job tells how it ended.
 */
export async function runBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  const { mediaServers, clock, late } = parts
  const { signal } = job
  try {
    /* 3–5  */ const grant = await requestResources(parts, job)
    /* 5    */ await becomeActive(parts, job, grant)
    /* 6    */ const image = await imageOfTry(parts, job)
    /* 6    */ await job.change({ kind: 'imaged', backupId: image.backupId })
    /* 7    */ const { mediaServer } = grant.allocation
    /* 7    */ const server = mediaServerOf(mediaServers, mediaServer)
    /* 7    */ job.log?.say(describeStart(mediaServer, image), backupStep(7))
    /* 7    */ const spec = sessionSpec(job.record, image)
    /* 7    */ const start = () => retrying(clock, 3, () => server.startBackup(spec, { signal }), signal)
    /* 8    */ const { sessionId } = await job.unlessEnded(start, (session) => late.session(server, session))
    /* 8    */ await job.change({ kind: 'started', sessionId, mediaServer })
    /* 8    */ job.log?.say(`session ${sessionId} runs on media server ${mediaServer}`)
    /* 9–13 */ await endReported(parts, job, await job.report())
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

/** The rest of the flow for a job whose session was found alive after a restart. */
export async function resumeBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  try {
    /* 9–13 */ await endReported(parts, job, await job.report())
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

/** Before anything tells that the image is there, its volumes are known to have it. */
function endReported(parts: ManagerParts, job: RunningJob, report: SessionReport): Promise<void> {
  const noted = noteVolumes(parts, job.record, report.written?.copies ?? [])
  return noted === undefined ? endTold(parts, job, report) : noted.then(() => endTold(parts, job, report))
}

function endTold(parts: ManagerParts, job: RunningJob, report: SessionReport): Promise<void> {
  const end = sessionEnding(parts, job, report)
  return end instanceof Promise ? end.then((told) => endTry(parts, job, told)) : endTry(parts, job, end)
}

/** What follows a try: the end of the job, or a rest of it until it goes on. */
export function endTry(parts: ManagerParts, job: RunningJob, end: AttemptEnd): Promise<void> {
  const { clock, incompleteMs } = parts
  const next = afterAttempt(job.record, end, clock.now(), incompleteMs)
  return next.kind === 'end'
    ? settleBackup(parts, job, end.ending)
    : restAfterTry(parts, job, next, end.ending.status)
}

async function restAfterTry(
  parts: ManagerParts,
  job: RunningJob,
  { rest, text }: Extract<AfterAttempt, { readonly kind: 'rest' }>,
  status: number,
): Promise<void> {
  await job.change({ kind: 'attempt-ended', rest })
  job.say(text, { severity: 'warning', data: { status } })
  await settleTry(parts, job)
}

/**
 * Settles a try that is over, also of a job that had this written down before a restart: its image is given up unless it
 * has a checkpoint, its resources are given back. Then the job rests, goes on, or has been cancelled meanwhile.
 */
export async function settleTry(parts: ManagerParts, job: RunningJob): Promise<void> {
  const { store, clock } = parts
  // A try that begins anew at once is one whose checkpoint was of no use.
  const movesOn = leavesFullUnit(job.record)
  const isKept = job.record.checkpoint !== undefined && job.record.rest?.to !== 'queued' && !movesOn
  if (movesOn)
    job.say(
      'the next try starts afresh, where there is room: what the checkpoint keeps lies on the full storage unit',
    )
  if (!isKept) {
    await discardImage(parts, job.record)
    await store.apply(job.id, { kind: 'afresh' })
  }
  await giveBack(parts, job)
  const { cancel } = job.record
  if (cancel !== undefined) {
    await settleBackup(parts, job, endingOfError(new NbError('job-cancelled', cancel.reason)))
    return
  }
  await store.apply(job.id, { kind: 'rested', at: clock.now(), firstLine: store.nextLine(job.id) })
}

/** Whether a try found no room and the next may write elsewhere, for which the checkpoint on the full storage unit is given up. */
function leavesFullUnit({ checkpoint, rest, backup }: JobRecord): boolean {
  if (checkpoint === undefined || rest?.to !== 'waiting-for-retry' || rest.status !== noRoom) return false
  const { policy, schedule } = backup ?? {}
  const copies: readonly ScheduleCopy[] = schedule?.copies ?? [{}]
  return copies.some(({ storage }) => (storage ?? schedule?.storage ?? policy?.storage)?.kind !== 'unit')
}

/** Steps 14–16, also of a job that had its ending written down before a restart. */
export async function settleBackup(parts: ManagerParts, job: RunningJob, ending: Ending): Promise<void> {
  const { store, clock } = parts
  const ended = job.record.phase === 'ended'
  /* 14   */ if (!ended) await store.apply(job.id, { kind: 'ended', at: clock.now(), ending })
  /* 15   */ const browsable = await completeImage(parts, job)
  /* 15   */ if (!browsable) await discardImage(parts, job.record)
  /* 15   */ if (isRemoving(job.record)) await removeArchived(parts, job)
  /* 16   */ await giveBack(parts, job)
  await store.apply(job.id, { kind: 'settled' })
}

/** Gives back what the job holds: mostly the one grant that its record names. */
function giveBack(parts: ManagerParts, { id, record, namesGrants }: RunningJob): Promise<void> {
  const { held, sessionHoldings } = record
  return namesGrants && held !== undefined && sessionHoldings.length === 0
    ? releaseLease(parts, id, held.leaseId)
    : releaseAll(parts, record, namesGrants)
}

/** The one place of undo: whatever happened at whichever step, nothing of the try stays behind but what a checkpoint keeps. */
export async function undoBackup(parts: ManagerParts, job: RunningJob, cause: NbError): Promise<void> {
  const { phase, cancel } = job.record
  const { status, message, code } = cause
  if (phase === 'ended' || phase === 'final' || phase === 'resting') {
    // The next start takes up what a stop left unsettled.
    if (code === 'manager-stopping') return
    throw cause
  }
  if (code === 'manager-stopping' && phase === 'queued' && cancel === undefined) {
    job.say('the job manager is ending; the job stays queued')
    await releaseAll(parts, job.record)
    return
  }
  const byWish = code === 'job-cancelled' || code === 'job-suspended' || code === 'manager-stopping'
  job.say(`ending early: ${message}`, {
    severity: byWish ? 'warning' : 'error',
    data: { code, status },
  })
  await endSessionsOf(parts, job.record, { status, reason: message }, job.sessionId)
  await endTry(parts, job, { ending: endingOfError(cause), code })
}

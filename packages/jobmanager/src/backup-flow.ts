import type { NbError } from '@nb/contracts'
import { asNbError } from '@nb/contracts'
import {
  acquirePatiently,
  becomeActive,
  completeImage,
  lateAnswers,
  newImage,
  sessionEnding,
  sessionSpec,
} from './backup-steps.ts'
import type { ManagerParts } from './components.ts'
import { backupStep, describeRequest, describeStart, endingOfError, resourceRequest } from './flow-lines.ts'
import { discardImage, releaseAll } from './give-back.ts'
import type { Ending } from './job-record.ts'
import { retrying } from './patience.ts'
import type { RunningJob } from './running-job.ts'
import { endSessionsOf, mediaServerOf } from './session-calls.ts'

/**
 * The backup flow beside the table of the process flow. Steps 1–2 are the submission, 17 is the scheduler's when it
 * hears of the end. Never rejects for a failed backup: the job tells how it ended.
 */
export async function runBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  const { broker, catalog, mediaServers, clock } = parts
  const { signal } = job
  const late = lateAnswers(parts)
  try {
    const request = resourceRequest(job.record)
    /* 3    */ await job.say(describeRequest(request), backupStep(3))
    /* 4–5  */ const asked = acquirePatiently(parts, job, () => broker.acquire(request, { signal }))
    /* 5    */ const grant = await job.unlessEnded(asked, late.grant)
    /* 5    */ await becomeActive(parts, job, grant)
    /* 6    */ const created = catalog.createImage(await newImage(parts, job), { signal })
    /* 6    */ const image = await job.unlessEnded(created, late.image)
    /* 6    */ await job.change({ kind: 'imaged', backupId: image.backupId })
    /* 7    */ const { mediaServer } = grant.allocation
    /* 7    */ const server = mediaServerOf(mediaServers, mediaServer)
    /* 7    */ await job.say(describeStart(mediaServer, image), backupStep(7))
    /* 7    */ const spec = sessionSpec(job.record, image, request)
    /* 7    */ const started = retrying(clock, 3, () => server.startBackup(spec, { signal }), signal)
    /* 8    */ const { sessionId } = await job.unlessEnded(started, late.session(server))
    /* 8    */ await job.change({ kind: 'started', sessionId, mediaServer })
    /* 9–13 */ await settleBackup(parts, job, await sessionEnding(parts, job))
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

/** The rest of the flow for a job whose session was found alive after a restart. */
export async function resumeBackup(parts: ManagerParts, job: RunningJob): Promise<void> {
  try {
    /* 9–13 */ await settleBackup(parts, job, await sessionEnding(parts, job))
  } catch (error) {
    await undoBackup(parts, job, asNbError(error))
  }
}

/** Steps 14–16, also of a job that had its ending written down before a restart. */
export async function settleBackup(parts: ManagerParts, job: RunningJob, ending: Ending): Promise<void> {
  const { store, clock } = parts
  const ended = job.record.phase === 'ended'
  /* 14   */ if (!ended) await store.apply(job.id, { kind: 'ended', at: clock.now(), ending })
  /* 15   */ const browsable = await completeImage(parts, job)
  /* 15   */ if (!browsable) await discardImage(parts, job.record)
  /* 16   */ await releaseAll(parts, job.record)
  await store.apply(job.id, { kind: 'settled' })
}

/** The one place of undo: whatever happened at whichever step, nothing of the job stays behind. */
export async function undoBackup(parts: ManagerParts, job: RunningJob, cause: NbError): Promise<void> {
  const { phase, cancel } = job.record
  if (phase === 'ended' || phase === 'final') throw cause
  const { status, message, code } = cause
  if (code === 'manager-stopping' && phase === 'queued' && cancel === undefined) {
    await job.say('the job manager is ending; the job stays queued')
    await releaseAll(parts, job.record)
    return
  }
  const severity = code === 'job-cancelled' || code === 'manager-stopping' ? 'warning' : 'error'
  await job.say(`ending early: ${message}`, { severity, data: { code, status } })
  await endSessionsOf(parts, job.record, { status, reason: message }, job.sessionId)
  await settleBackup(parts, job, endingOfError(cause))
}

import type { JobSessions } from '@nb/contracts'
import { jobProgress } from '../schemas/job.ts'
import { mediaRequest } from '../schemas/resources.ts'
import { closed, nothing, text } from '../schemas/schema.ts'
import { backupCheckpoint, sessionReport } from '../schemas/session.ts'
import { call, type InputOf, type PortContract } from './port-contract.ts'

type In<Name extends keyof JobSessions> = InputOf<JobSessions, Name>

export const jobSessionsContract: PortContract<JobSessions> = {
  requestMedia: call(mediaRequest, nothing),
  progress: call(closed<In<'progress'>>({ sessionId: text, jobId: text, progress: jobProgress }), nothing),
  checkpoint: call(
    closed<In<'checkpoint'>>({ sessionId: text, jobId: text, checkpoint: backupCheckpoint }),
    nothing,
  ),
  sessionEnded: call(closed<In<'sessionEnded'>>({ report: sessionReport }), nothing),
}

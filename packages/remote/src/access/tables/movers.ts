import type { ClientAgent, MediaServer } from '@nb/contracts'
import type { PortRules } from '../port-rules.ts'
import { administers, activeJob, internal, reads } from '../rules.ts'

const session = ({ sessionId }: { readonly sessionId: string }): string => sessionId
const job = ({ jobId }: { readonly jobId: string }): string => jobId
const run = ({ runId }: { readonly runId: string }): string => runId

/** On a media server the master alone has a say. */
export const mediaServerRules: PortRules<MediaServer> = {
  startBackup: internal(job, { master: 'any' }),
  startRestore: internal(job, { master: 'any' }),
  startRemoval: internal(job, { master: 'any' }),
  grantMedia: internal(session, { master: 'any' }),
  endSession: internal(session, { master: 'any' }),
  waitSession: internal(session, { master: 'any' }),
  sessions: reads({ master: 'any' }),
  storedImages: internal(({ storageUnit }) => storageUnit, { master: 'any' }),
  verifyCopy: internal(job, { master: 'any' }),
  continueCopy: internal(({ requestId }) => requestId, { master: 'any' }),
  volumeContents: internal(job, { master: 'any' }),
  describeCopy: internal(job, { master: 'any' }),
  sendFileList: internal(job, { master: 'any' }),
  sendCopy: internal(job, { master: 'any' }),
  writeCopy: internal(job, { master: 'any' }),
  removeImage: administers(({ backupId }) => backupId, { master: 'any' }),
}

/**
 * On a client the master looks at what there is, and a media server runs the jobs that the master gave it: the client asks the master, which
 * tells it of jobs of its own alone. What is asked of a run that was started goes by the run's id, which nobody else knows.
 */
export const clientAgentRules: PortRules<ClientAgent> = {
  fileSystems: internal(() => undefined, { master: 'any' }),
  startBackup: internal(job, { 'media-server': activeJob }),
  startRestore: internal(job, { 'media-server': activeJob }),
  startRemoval: internal(job, { 'media-server': activeJob }),
  checkpoints: internal(run, { 'media-server': 'any' }),
  goOn: internal(run, { 'media-server': 'any' }),
  waitRun: internal(run, { 'media-server': 'any' }),
  progress: internal(run, { 'media-server': 'any' }),
  abortRun: internal(run, { 'media-server': 'any' }),
}

import type { JobFilter, JobLog, JobManager, JobRegistry, JobSessions } from '@nb/contracts'
import type { Claim } from '../claims.ts'
import type { PortRules } from '../port-rules.ts'
import { administers, givenJob, internal, operates, ownJob, reads, self, stated } from '../rules.ts'

const job = ({ jobId }: { readonly jobId: string }): string => jobId
/** A client sees the jobs of its own, by asking for them: all, or one. */
const ofSelf = ({ client, jobId }: JobFilter): readonly Claim[] =>
  client === undefined && jobId !== undefined ? ownJob({ jobId }) : [self(client)]

/** Work that destroys nothing. */
const harmless = new Set(['verify', 'duplicate', 'import', 'inventory', 'clean', 'catalog-backup'])

export const jobRules: PortRules<JobManager> = {
  submit: administers(
    ({ type, client, policy }) => [type, policyName(policy), client].filter(Boolean).join(' '),
    {
      // Backups are started by their policy, which an administrator made.
      operator: ({ type }) => [stated(harmless.has(type))],
    },
  ),
  get: reads({ client: ownJob, 'media-server': givenJob }),
  list: reads({ client: ofSelf }),
  log: reads({ client: ownJob }),
  attempts: reads({ client: ownJob }),
  watch: reads({ client: ofSelf }),
  wait: reads({ client: ownJob }),
  cancel: operates(job, { client: ownJob }),
  suspend: operates(job),
  resume: operates(job),
  restart: operates(job),
  setPriority: operates(job),
  purge: administers(() => undefined),
  explain: reads({ client: ownJob }),
}

export const jobRegistryRules: PortRules<JobRegistry> = {
  register: internal(({ requestId }) => requestId),
  update: internal(job),
  finish: internal(job),
}

export const jobSessionRules: PortRules<JobSessions> = {
  requestMedia: internal(job, {
    'media-server': ({ jobId, mediaServer }) => [...givenJob({ jobId }), self(mediaServer)],
  }),
  progress: internal(job, { 'media-server': givenJob }),
  checkpoint: internal(job, { 'media-server': givenJob }),
  sessionEnded: internal(({ report }) => report.jobId, { 'media-server': ({ report }) => givenJob(report) }),
}

export const jobLogRules: PortRules<JobLog> = {
  append: internal(job, { client: ownJob, 'media-server': givenJob }),
}

function policyName(policy: string | { readonly name: string } | undefined): string | undefined {
  return typeof policy === 'object' ? policy.name : policy
}

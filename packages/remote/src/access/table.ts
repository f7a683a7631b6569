import type { Ports } from '../contracts/ports.ts'
import { auditRules, enrolmentRules, hostRules } from './tables/identity.ts'
import { brokerRules, deviceRules, mediaRules } from './tables/media.ts'
import { catalogRules } from './tables/catalog.ts'
import { clientAgentRules, mediaServerRules } from './tables/movers.ts'
import { jobLogRules, jobRegistryRules, jobRules, jobSessionRules } from './tables/jobs.ts'
import { restoreRules, schedulerRules } from './tables/requests.ts'
import type { PortRules } from './port-rules.ts'

/** Who may call what: the whole of authorisation. */
export const accessTable: { readonly [Name in keyof Ports]: PortRules<Ports[Name]> } = {
  scheduler: schedulerRules,
  jobs: jobRules,
  jobRegistry: jobRegistryRules,
  jobSessions: jobSessionRules,
  jobLog: jobLogRules,
  broker: brokerRules,
  media: mediaRules,
  devices: deviceRules,
  catalog: catalogRules,
  mediaServer: mediaServerRules,
  clientAgent: clientAgentRules,
  restores: restoreRules,
  enrolment: enrolmentRules,
  hosts: hostRules,
  audit: auditRules,
}

import type {
  AuditLog,
  Catalog,
  ClientAgent,
  DeviceOperations,
  Enrolment,
  HostDirectory,
  JobLog,
  JobManager,
  JobRegistry,
  JobSessions,
  MediaManager,
  MediaServer,
  ResourceBroker,
  RestoreService,
  Scheduler,
} from '@nb/contracts'
import { auditLogContract } from './audit-log.ts'
import { catalogContract } from './catalog.ts'
import { clientAgentContract } from './client-agent.ts'
import { deviceOperationsContract } from './device-operations.ts'
import { enrolmentContract } from './enrolment.ts'
import { hostDirectoryContract } from './host-directory.ts'
import { jobLogContract } from './job-log.ts'
import { jobManagerContract } from './job-manager.ts'
import { jobRegistryContract } from './job-registry.ts'
import { jobSessionsContract } from './job-sessions.ts'
import { mediaManagerContract } from './media-manager.ts'
import { mediaServerContract } from './media-server.ts'
import type { PortContract } from './port-contract.ts'
import { resourceBrokerContract } from './resource-broker.ts'
import { restoreServiceContract } from './restore-service.ts'
import { schedulerContract } from './scheduler.ts'

/** The ports that travel, by the names under which they are served. */
export interface Ports {
  readonly scheduler: Scheduler
  readonly jobs: JobManager
  readonly jobRegistry: JobRegistry
  readonly jobSessions: JobSessions
  readonly jobLog: JobLog
  readonly broker: ResourceBroker
  readonly media: MediaManager
  readonly devices: DeviceOperations
  readonly catalog: Catalog
  readonly mediaServer: MediaServer
  readonly clientAgent: ClientAgent
  readonly restores: RestoreService
  readonly enrolment: Enrolment
  readonly hosts: HostDirectory
  readonly audit: AuditLog
}

/** The name of a port. */
export type PortName = keyof Ports

/** What travels for each port. */
export const portContracts: { readonly [Name in PortName]: PortContract<Ports[Name]> } = {
  scheduler: schedulerContract,
  jobs: jobManagerContract,
  jobRegistry: jobRegistryContract,
  jobSessions: jobSessionsContract,
  jobLog: jobLogContract,
  broker: resourceBrokerContract,
  media: mediaManagerContract,
  devices: deviceOperationsContract,
  catalog: catalogContract,
  mediaServer: mediaServerContract,
  clientAgent: clientAgentContract,
  restores: restoreServiceContract,
  enrolment: enrolmentContract,
  hosts: hostDirectoryContract,
  audit: auditLogContract,
}

/** All of them. */
export const portNames: readonly PortName[] = Object.keys(portContracts) as PortName[]

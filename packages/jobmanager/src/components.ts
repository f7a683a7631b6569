import type { Catalog, Clock, Logger, MediaManager, MediaServer, ResourceBroker } from '@nb/contracts'
import type { JobStore } from './job-store.ts'
import type { LateAnswers } from './late-answers.ts'
import type { LeaseKeeper } from './leases.ts'
import type { JobWorkers } from './workers.ts'

/** The media servers a job manager may use, by name; a `Map` is one. */
export interface MediaServers {
  /** The media server of this name, here or on another host. */
  get(name: string): MediaServer | undefined
  /** The names of all. */
  keys(): Iterable<string>
}

/** What a job manager tells of tape volumes, and to whom. */
export type VolumeRecords = Pick<
  MediaManager,
  'assignImage' | 'unassignImage' | 'setVolumeState' | 'volumes' | 'volumeImages'
>

/** What a job manager asks for. */
export interface JobManagerComponents {
  readonly broker: ResourceBroker
  readonly catalog: Catalog
  readonly mediaServers: MediaServers
  /** The jobs database, started before the manager and stopped after it. */
  readonly jobStore: JobStore
  readonly clock: Clock
  /** Is told which images are on which tape volumes, and which are full. @default nobody: all storage units are disks */
  readonly media?: VolumeRecords
  /** What carries out jobs that are no backups; clean-ups are carried out without one. @default none */
  readonly workers?: JobWorkers
  /** @default `debugLogger('nb:jobmanager:manager')` */
  readonly log?: Logger
}

/** Options of {@link createJobManager}. */
export interface JobManagerOptions {
  /** How often expired and discarded images are cleaned up, milliseconds, at least 1000. @default 43200000 (12 h) */
  readonly cleanupIntervalMs?: number
  /**
   * How long clean-ups after one that looked for fragments unknown to the catalog need not look again, milliseconds, at
   * least 0: a look goes through all images and all that is stored. @default 0, each looks
   */
  readonly fragmentCheckMs?: number
  /** How often media servers are asked whether running sessions still live, milliseconds, at least 100. @default 60000 */
  readonly sessionCheckMs?: number
  /** How long a media server may be silent before its jobs end with 811, milliseconds, at least 1000. @default 600000 */
  readonly silenceMs?: number
  /** How long a media server may take to end a session or remove fragments, milliseconds, at least 100. @default 120000 */
  readonly callTimeoutMs?: number
  /** How long {@link createJobManager}'s `stop` waits for running jobs to end with 803, milliseconds, at least 0. @default 30000 */
  readonly stopTimeoutMs?: number
  /**
   * How long an incomplete job may be resumed before it is done with its status, milliseconds, 3600000–259200000
   * (1–72 h). @default 10800000 (3 h)
   */
  readonly incompleteMs?: number
  /**
   * How long after a start a registered job of before may be without its owner, milliseconds, at least 0. With 0 such jobs
   * end with 63 before `start` resolves: right where owners live and die with the manager. @default 0
   */
  readonly ownerGraceMs?: number
  /**
   * Whether a backup's request says how much it is expected to write, for which the catalog is asked for the last image of its
   * kind. @default true
   */
  readonly expectSizes?: boolean
}

/** What the parts of a job manager share. */
export interface ManagerParts extends Required<JobManagerOptions> {
  readonly broker: ResourceBroker
  readonly catalog: Catalog
  readonly mediaServers: MediaServers
  readonly store: JobStore
  readonly leases: LeaseKeeper
  readonly late: LateAnswers
  readonly media: VolumeRecords | undefined
  readonly clock: Clock
  readonly log: Logger
}

/** The options with their defaults. Throws a `TypeError` for what is out of bounds. */
export function withDefaults(options: JobManagerOptions): Required<JobManagerOptions> {
  const bound = (
    name: Exclude<keyof JobManagerOptions, 'expectSizes'>,
    least: number,
    byDefault: number,
  ): number => {
    const value = options[name] ?? byDefault
    if (!(value >= least)) throw new TypeError(`${name} must be at least ${least}, not ${value}`)
    return value
  }
  const incompleteMs = bound('incompleteMs', 3_600_000, 3 * 3_600_000)
  if (incompleteMs > 72 * 3_600_000)
    throw new TypeError(`incompleteMs must be at most 259200000, not ${incompleteMs}`)
  return {
    incompleteMs,
    cleanupIntervalMs: bound('cleanupIntervalMs', 1000, 12 * 3_600_000),
    fragmentCheckMs: bound('fragmentCheckMs', 0, 0),
    sessionCheckMs: bound('sessionCheckMs', 100, 60_000),
    silenceMs: bound('silenceMs', 1000, 600_000),
    callTimeoutMs: bound('callTimeoutMs', 100, 120_000),
    stopTimeoutMs: bound('stopTimeoutMs', 0, 30_000),
    ownerGraceMs: bound('ownerGraceMs', 0, 0),
    expectSizes: options.expectSizes ?? true,
  }
}

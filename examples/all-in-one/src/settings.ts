import type { TapeSettings } from '@nb/example-host-program/tape'

/** How a server works, beyond the places it stands on. Bounds are those of {@link addSettings}. */
export interface ServerSettings {
  /** A command of the shell that is told of every job that ended with a status above 1. @default none */
  readonly onFailure?: string
  /** Folder of the client's start and end scripts, absolute. @default none */
  readonly clientScripts?: string
  /** Folder of a second disk storage unit, for copies: jobs write there only when they name it. @default none */
  readonly secondDisk?: string
  /** Names of storage units whose disk is lost: their empty folders are made storage units again. @default none */
  readonly newDisks?: readonly string[]
  /** Names of storage units whose folders become this server's, whoever's they were. @default none */
  readonly takenDisks?: readonly string[]
  /** Folder of catalog backups, absolute, outside the state: snapshots are taken there, and recovery files written. @default none */
  readonly catalogBackup?: string
  /** A tape library to back up to. @default none */
  readonly tape?: TapeSettings
  /** Name of the time zone of all windows, such as `Europe/Vienna`. @default the host's */
  readonly timeZone?: string
  /** Folder of policy files, absolute, kept the same as the policies. @default none */
  readonly policyDirectory?: string
  /** How often that folder is looked through for changes, milliseconds. @default 5000 */
  readonly policyPollMs?: number
  /** Most jobs of any one client at once. @default 1 */
  readonly maxJobsPerClient?: number
  /** How often a failed job is tried in the sliding period. @default 2 */
  readonly tries?: number
  /** Length of that period, milliseconds. @default 43200000, 12 hours */
  readonly triesWithinMs?: number
  /** Wait between tries, milliseconds. @default 600000, 10 minutes */
  readonly retryDelayMs?: number
}

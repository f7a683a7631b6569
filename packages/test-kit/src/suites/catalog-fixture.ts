import type { Catalog, DataChannels, JobLogLine } from '@nb/contracts'
import type { VirtualClock } from '../virtual-clock.ts'

/** What the suite of `Catalog` works on. */
export interface CatalogFixture {
  /** Started and empty. */
  readonly catalog: Catalog
  /** Channels that reach it. */
  readonly channels: DataChannels
  /** Its clock. */
  readonly clock: VirtualClock
  /** Ends it and starts another over the same files and store. */
  readonly restart: () => Promise<Catalog>
  /** The lines it has written for a job. */
  readonly jobLines: (jobId: string) => readonly JobLogLine[]
  /** Writes other bytes as an image's files file. */
  readonly replaceFileList: (backupId: string, bytes: Uint8Array) => Promise<void>
}

/** Declares a test of the suite. */
export type CatalogCheck = (name: string, body: (fixture: CatalogFixture) => Promise<void>) => void

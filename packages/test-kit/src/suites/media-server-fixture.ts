import type {
  BackupCheckpoint,
  BackupSessionSpec,
  ChannelTicket,
  MediaAnswer,
  MediaRequest,
  MediaServer,
  RestoreSessionSpec,
  SessionReport,
} from '@nb/contracts'

/** What a client does in a backup: sends a small image, fails with `source-unreadable` (2), or sends a little and then nothing. */
export type ClientConduct = 'works' | 'fails' | 'waits'

/** What the suite of `MediaServer` works on: a server among neighbours that the test directs. */
export interface MediaServerFixture {
  readonly server: MediaServer
  /** A storage unit of the server, empty at first. */
  readonly storageUnit: string
  /** A new job's backup to that storage unit. */
  readonly backup: (conduct: ClientConduct) => Promise<BackupSessionSpec>
  /** A new job's restore of all that a backup has written. */
  readonly restore: (report: SessionReport) => Promise<RestoreSessionSpec>
  /** A new job's removal of an archive that is whole, from a client that removes 5 entries, and keeps 2 more where it `keeps`. Needed where the server runs removals. */
  readonly removal?: (conduct: ClientConduct | 'keeps') => Promise<Parameters<MediaServer['startRemoval']>[0]>
  /** The next request for media that the job manager has got and that was not given yet. */
  readonly nextRequest: () => Promise<MediaRequest>
  /** A grant of what a request asks for. */
  readonly grantOf: (request: MediaRequest) => MediaAnswer
  /** The reports that the job manager has got. */
  readonly reports: () => readonly SessionReport[]
  /**
   * The checkpoints that it has got. A client that takes checkpoints stands still at two in the first 200 kB of its image.
   * Needed where the server takes checkpoints.
   */
  readonly checkpoints?: () => readonly BackupCheckpoint[]
  /** A ticket whose channel gives the file list that a backup has sent. Needed where the server verifies. */
  readonly fileList?: (report: SessionReport) => Promise<ChannelTicket>
  /** A ticket whose channel takes a file list, and what has come when it has ended. Needed where the server verifies. */
  readonly receiveList?: () => Promise<{ readonly ticket: ChannelTicket; readonly received: Promise<Buffer> }>
}

/** What a media server can do. */
export interface MediaServerSupports {
  /** Takes checkpoints and goes on from them. */
  readonly checkpoints: boolean
  /** Removes from clients what archives have saved. @default false */
  readonly removals?: boolean
  /** Reads copies again and compares them. @default false */
  readonly verifies?: boolean
}

/** Declares a test of the suite. */
export type Check = (name: string, body: (fixture: MediaServerFixture) => Promise<void>) => void

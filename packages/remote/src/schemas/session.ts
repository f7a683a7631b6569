import {
  type BackupCheckpoint,
  type BackupNames,
  type BackupRunSpec,
  type BackupSessionSpec,
  type ChannelTicket,
  type CopyInBackup,
  type ErrorCode,
  errorKinds,
  type ErrorRecord,
  type ExtractTarget,
  type LocalFileSystem,
  type ReaderCheckpoint,
  type RemovalCounts,
  type RemovalRunSpec,
  type RestoreRunSpec,
  type RestoreSessionSpec,
  type RestoreSource,
  type RestoredBefore,
  type RunProgress,
  type RunResult,
  type SessionInfo,
  type SessionReport,
  type WalkSpec,
  type WantedOfImage,
} from '@nb/contracts'
import { z } from 'zod'
import { compression, digestAlgorithm, onFailure, scheduleType } from './policy.ts'
import { fileListTotals, imageCopy, imageCounts, imageRecord } from './image.ts'
import { mediaNeed } from './resources.ts'
import {
  closed,
  count,
  facts,
  flag,
  integer,
  list,
  maybe,
  oneOf,
  path,
  type Schema,
  text,
  time,
} from './schema.ts'

export const channelTicket: Schema<ChannelTicket> = closed<ChannelTicket>({ address: text, token: text })

export const errorCode: Schema<ErrorCode> = z.enum(Object.keys(errorKinds) as [ErrorCode, ...ErrorCode[]])

export const errorRecord: Schema<ErrorRecord> = closed<ErrorRecord>({
  code: errorCode,
  message: text,
  status: integer,
  retryable: flag,
  details: facts,
  remedy: maybe(text),
})

export const walkSpec: Schema<WalkSpec> = closed<WalkSpec>({
  roots: list(path),
  exclude: list(text),
  include: list(text),
  crossMountPoints: flag,
})

export const extractTarget: Schema<ExtractTarget> = closed<ExtractTarget>({
  root: path,
  ifExists: oneOf<ExtractTarget['ifExists']>({ overwrite: true, skip: true, fail: true }),
})

export const backupCheckpoint: Schema<BackupCheckpoint> = closed<BackupCheckpoint>({
  number: integer,
  takenAt: time,
  streamBytes: count,
  fileList: fileListTotals,
  counts: imageCounts,
  copies: list(imageCopy),
  position: text,
})

export const readerCheckpoint: Schema<ReaderCheckpoint> = closed<ReaderCheckpoint>({
  streamBytes: count,
  fileList: fileListTotals,
  counts: imageCounts,
  position: text,
})

export const backupSessionSpec: Schema<BackupSessionSpec> = closed<BackupSessionSpec>({
  jobId: text,
  image: imageRecord,
  need: mediaNeed,
  copies: maybe(list(closed<CopyInBackup>({ copy: integer, onFailure, expiresAt: maybe(time) }))),
  walk: walkSpec,
  checkpointIntervalMs: maybe(count),
  resumeFrom: maybe(backupCheckpoint),
})

const wantedOfImage: Schema<WantedOfImage> = closed<WantedOfImage>({
  entries: count,
  ranges: list(closed<WantedOfImage['ranges'][number]>({ offset: count, bytes: count })),
})

export const restoreSessionSpec: Schema<RestoreSessionSpec> = closed<RestoreSessionSpec>({
  jobId: text,
  restoreId: text,
  client: text,
  need: mediaNeed,
  images: list(closed<RestoreSource>({ backupId: text, copy: imageCopy, wanted: maybe(wantedOfImage) })),
  restoredBefore: maybe(closed<RestoredBefore>({ files: count, bytes: count })),
  last: flag,
  mediaPlan: channelTicket,
  clientPlan: channelTicket,
  target: extractTarget,
})

const sessionKind: Schema<SessionInfo['kind']> = oneOf<SessionInfo['kind']>({
  backup: true,
  restore: true,
  removal: true,
})

const removed: Schema<RemovalCounts> = closed<RemovalCounts>({ removed: count, kept: count })

const restored: Schema<NonNullable<RunResult['restored']>> = closed<NonNullable<RunResult['restored']>>({
  entries: count,
  bytes: count,
  skipped: count,
})

export const sessionReport: Schema<SessionReport> = closed<SessionReport>({
  sessionId: text,
  jobId: text,
  kind: sessionKind,
  status: integer,
  statusText: text,
  error: maybe(errorRecord),
  warnings: count,
  written: maybe(
    closed<NonNullable<SessionReport['written']>>({
      counts: imageCounts,
      fileList: fileListTotals,
      copies: list(imageCopy),
    }),
  ),
  restored: maybe(restored),
  removed: maybe(removed),
  waitedForFullBuffer: count,
  waitedForEmptyBuffer: count,
})

export const sessionInfo: Schema<SessionInfo> = closed<SessionInfo>({
  sessionId: text,
  jobId: text,
  kind: sessionKind,
  startedAt: time,
})

export const backupRunSpec: Schema<BackupRunSpec> = closed<BackupRunSpec>({
  jobId: text,
  backupId: text,
  names: closed<BackupNames>({ policy: text, schedule: text, scheduleType }),
  walk: walkSpec,
  checkpointIntervalMs: maybe(count),
  resumeFrom: maybe(readerCheckpoint),
  reference: maybe(
    closed<NonNullable<BackupRunSpec['reference']>>({ backupId: text, ticket: channelTicket }),
  ),
  digest: maybe(digestAlgorithm),
  compression: maybe(compression),
  data: channelTicket,
  metadata: channelTicket,
})

export const restoreRunSpec: Schema<RestoreRunSpec> = closed<RestoreRunSpec>({
  jobId: text,
  restoreId: text,
  target: extractTarget,
  last: flag,
  plan: channelTicket,
  data: channelTicket,
})

export const removalRunSpec: Schema<RemovalRunSpec> = closed<RemovalRunSpec>({
  jobId: text,
  backupId: text,
  list: channelTicket,
})

export const localFileSystem: Schema<LocalFileSystem> = closed<LocalFileSystem>({
  mountPoint: path,
  type: text,
})

export const runProgress: Schema<RunProgress> = closed<RunProgress>({
  files: count,
  bytes: count,
  currentPath: maybe(path),
  scriptMs: maybe(count),
})

export const runResult: Schema<RunResult> = closed<RunResult>({
  runId: text,
  status: integer,
  error: maybe(errorRecord),
  warnings: count,
  sent: maybe(closed<NonNullable<RunResult['sent']>>({ counts: imageCounts, fileList: fileListTotals })),
  removed: maybe(removed),
  restored: maybe(restored),
})

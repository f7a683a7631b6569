import type {
  AllocatedMedium,
  Allocation,
  Blocker,
  BlockerKind,
  Explanation,
  FurtherNeed,
  Grant,
  MediaAnswer,
  MediaNeed,
  MediaRequest,
  QueuedRequest,
  ReconcileReport,
  ResourceRequest,
  SingleAllocation,
  Turn,
  WantedVolume,
} from '@nb/contracts'
import { z } from 'zod'
import { jobLimits, jobType } from './job.ts'
import { storageChoice } from './policy.ts'
import {
  closed,
  count,
  flag,
  integer,
  list,
  maybe,
  oneOf,
  type Schema,
  text,
  time,
  variants,
} from './schema.ts'

export const mediaNeed: Schema<MediaNeed> = variants<MediaNeed, 'kind'>('kind', {
  write: closed<Extract<MediaNeed, { kind: 'write' }>>({
    kind: z.literal('write'),
    storage: storageChoice,
    volumePool: text,
    retentionLevel: integer,
    multiplexing: maybe(integer),
    continues: maybe(flag),
    replaces: maybe(text),
    expectedBytes: maybe(count),
    further: maybe(
      list(closed<FurtherNeed>({ storage: storageChoice, volumePool: text, retentionLevel: integer })),
    ),
  }),
  read: closed<Extract<MediaNeed, { kind: 'read' }>>({
    kind: z.literal('read'),
    storageUnit: text,
    volumeId: maybe(text),
    replaces: maybe(text),
  }),
})

export const resourceRequest: Schema<ResourceRequest> = closed<ResourceRequest>({
  requestId: text,
  jobId: text,
  jobType,
  priority: integer,
  policy: maybe(text),
  client: text,
  limits: jobLimits,
  need: mediaNeed,
  queuedAt: maybe(time),
})

export const allocatedMedium: Schema<AllocatedMedium> = variants<AllocatedMedium, 'kind'>('kind', {
  disk: closed<Extract<AllocatedMedium, { kind: 'disk' }>>({
    kind: z.literal('disk'),
    maxFragmentBytes: count,
  }),
  tape: closed<Extract<AllocatedMedium, { kind: 'tape' }>>({
    kind: z.literal('tape'),
    maxFragmentBytes: count,
    drive: text,
    volumeId: text,
    volumePool: text,
    multiplex: maybe(
      closed<{ readonly group: string; readonly most: number; readonly succeeds?: string }>({
        group: text,
        most: integer,
        succeeds: maybe(text),
      }),
    ),
  }),
})

const oneAllocation = {
  allocationId: text,
  jobId: text,
  storageUnit: text,
  mediaServer: text,
  purpose: oneOf<Allocation['purpose']>({ read: true, write: true }),
  medium: allocatedMedium,
  since: time,
  replaces: maybe(text),
}

export const allocation: Schema<Allocation> = closed<Allocation>({
  ...oneAllocation,
  further: maybe(list(closed<SingleAllocation>(oneAllocation))),
})

export const grant: Schema<Grant> = closed<Grant>({ leaseId: text, expiresAt: time, allocation })

const blockerKind: Schema<BlockerKind> = oneOf<BlockerKind>({
  'policy-limit': true,
  'client-limit': true,
  'storage-unit-limit': true,
  'storage-unit-down': true,
  'storage-unit-full': true,
  'storage-unit-missing': true,
  drive: true,
  volume: true,
  'media-server': true,
  robot: true,
  'not-configured': true,
  turn: true,
  'retry-delay': true,
  suspension: true,
})

export const blocker: Schema<Blocker> = closed<Blocker>({
  kind: blockerKind,
  name: text,
  storageUnit: maybe(text),
  reason: integer,
  limit: maybe(count),
  inUse: maybe(count),
  holders: list(closed<Blocker['holders'][number]>({ jobId: text, since: time })),
  goesOnWhen: text,
  wanted: maybe(
    closed<WantedVolume>({ volumeId: maybe(text), pool: text, density: text, robot: maybe(text) }),
  ),
})

export const turn: Schema<Turn> = closed<Turn>({ storageUnit: text, jobId: text, since: time })

export const explanation: Schema<Explanation> = closed<Explanation>({
  jobId: text,
  waiting: flag,
  since: maybe(time),
  blockers: list(blocker),
  sentence: text,
})

export const queuedRequest: Schema<QueuedRequest> = closed<QueuedRequest>({
  request: resourceRequest,
  since: time,
  passedBy: count,
  blockers: list(blocker),
})

export const reconcileReport: Schema<ReconcileReport> = closed<ReconcileReport>({
  orphanedAllocations: list(allocation),
  orphanedLeases: list(grant),
  repaired: flag,
})

export const mediaRequest: Schema<MediaRequest> = closed<MediaRequest>({
  requestId: text,
  sessionId: text,
  jobId: text,
  mediaServer: text,
  need: mediaNeed,
})

export const mediaAnswer: Schema<MediaAnswer> = variants<MediaAnswer, 'granted'>('granted', {
  true: closed<Extract<MediaAnswer, { granted: true }>>({ granted: z.literal(true), allocation }),
  false: closed<Extract<MediaAnswer, { granted: false }>>({
    granted: z.literal(false),
    status: integer,
    text,
  }),
})

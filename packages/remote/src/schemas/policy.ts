import type {
  Compression,
  DayRule,
  DigestAlgorithm,
  Policy,
  PolicyRemoval,
  RetentionLevel,
  RunCalendar,
  Schedule,
  ScheduleCopy,
  ScheduleType,
  Selection,
  StartWindow,
  StorageChoice,
  StoredPolicy,
} from '@nb/contracts'
import { z } from 'zod'
import {
  closed,
  count,
  flag,
  integer,
  list,
  maybe,
  oneOf,
  path,
  type Schema,
  type Shape,
  text,
  time,
  variants,
} from './schema.ts'

export const scheduleType: Schema<ScheduleType> = oneOf<ScheduleType>({
  full: true,
  differential: true,
  cumulative: true,
  'user-backup': true,
  'user-archive': true,
})

export const startWindow: Schema<StartWindow> = closed<StartWindow>({
  weekday: integer,
  startSeconds: integer,
  durationSeconds: integer,
})

export const storageChoice: Schema<StorageChoice> = variants<StorageChoice, 'kind'>('kind', {
  unit: closed<Extract<StorageChoice, { kind: 'unit' }>>({ kind: z.literal('unit'), name: text }),
  group: closed<Extract<StorageChoice, { kind: 'group' }>>({ kind: z.literal('group'), name: text }),
  any: closed<Extract<StorageChoice, { kind: 'any' }>>({ kind: z.literal('any') }),
})

const weekOrLast: Schema<number | 'last'> = z.union([z.int(), z.literal('last')])

const dayRuleShape: Shape<DayRule> = {
  dates: maybe(list(text)),
  weekdays: maybe(
    list(closed<NonNullable<DayRule['weekdays']>[number]>({ weekday: integer, week: maybe(weekOrLast) })),
  ),
  daysOfMonth: maybe(list(weekOrLast)),
}

export const dayRule: Schema<DayRule> = closed<DayRule>(dayRuleShape)

export const runCalendar: Schema<RunCalendar> = closed<RunCalendar>({
  ...dayRuleShape,
  retryAfterRunDay: flag,
})

/** Directives are words that no absolute path can be; a policy's own check tells them apart. */
const selection: Schema<Selection> = path

export const retentionLevel: Schema<RetentionLevel> = closed<RetentionLevel>({
  level: integer,
  periodMs: z.union([z.int(), z.null()]),
})

export const onFailure: Schema<NonNullable<ScheduleCopy['onFailure']>> = oneOf<
  NonNullable<ScheduleCopy['onFailure']>
>({ continue: true, failAllCopies: true })

export const schedule: Schema<Schedule> = closed<Schedule>({
  name: text,
  type: scheduleType,
  frequencyMs: maybe(integer),
  calendar: maybe(runCalendar),
  exclude: maybe(dayRule),
  windows: list(startWindow),
  retentionLevel: integer,
  multiplexing: maybe(integer),
  storage: maybe(storageChoice),
  volumePool: maybe(text),
  copies: maybe(
    list(
      closed<ScheduleCopy>({
        storage: maybe(storageChoice),
        volumePool: maybe(text),
        retentionLevel: maybe(integer),
        onFailure: maybe(onFailure),
      }),
    ),
  ),
})

export const compression: Schema<Compression> = oneOf<Compression>({ zstd: true, gzip: true })

export const digestAlgorithm: Schema<DigestAlgorithm> = oneOf<DigestAlgorithm>({ sha256: true })

const policyShape: Shape<Policy> = {
  name: text,
  active: flag,
  effectiveAt: maybe(time),
  clients: list(text),
  selections: list(selection),
  multipleStreams: maybe(flag),
  checkpointIntervalMs: maybe(integer),
  exclude: maybe(list(text)),
  include: maybe(list(text)),
  crossMountPoints: maybe(flag),
  compression: maybe(compression),
  digest: maybe(digestAlgorithm),
  storage: storageChoice,
  volumePool: maybe(text),
  priority: maybe(integer),
  maxJobs: maybe(integer),
  schedules: list(schedule),
}

export const policy: Schema<Policy> = closed<Policy>(policyShape)

export const storedPolicy: Schema<StoredPolicy> = closed<StoredPolicy>({
  ...policyShape,
  generation: count,
  changedAt: time,
})

export const policyRemoval: Schema<PolicyRemoval> = closed<PolicyRemoval>({
  name: text,
  generation: count,
  removedAt: time,
})

import { isDeepStrictEqual } from 'node:util'
import {
  type DayRule,
  type Policy,
  type RetentionLevel,
  type Schedule,
  type ScheduleCopy,
  type StorageChoice,
  type StoredPolicy,
  printDuration,
  printRetentionPeriod,
} from '@nb/contracts'
import { type Document, Document as YamlDocument, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import { printPath } from './path-text.ts'
import { type PolicyFileOptions, readPolicy } from './read-policy.ts'
import { spliceMap } from './splice-map.ts'
import { printCalendarWeekday } from './weekday-text.ts'
import { printWindows } from './window-text.ts'

type Plain = Readonly<Record<string, unknown>>

/** How a policy is printed. */
export interface PrintOptions {
  /** @default 'yaml' */
  readonly format?: 'yaml' | 'json'
  /** With the table, YAML tells the period of each retention level in a comment. @default no comment */
  readonly retentionLevels?: readonly RetentionLevel[]
}

/** A policy as the text of a file; what `parsePolicy` reads from it is that policy. */
export function printPolicy(policy: Policy, { format = 'yaml', retentionLevels }: PrintOptions = {}): string {
  if (format === 'json') return `${JSON.stringify(plainOf(policy), null, 2)}\n`
  const document = new YamlDocument(plainOf(policy))
  if (retentionLevels !== undefined) commentLevels(document, retentionLevels)
  return document.toString({ lineWidth: 0 })
}

/**
 * The text of a file after its policy has changed: comments and the form of what did not change stay. `format` is that of the
 * file.
 */
export function updatePolicyText(
  text: string,
  policy: Policy,
  options: PrintOptions & Pick<PolicyFileOptions, 'formerLevel'> & { readonly file: string },
): string {
  const { format = 'yaml', file, retentionLevels, formerLevel } = options
  const levels = {
    ...(retentionLevels === undefined ? {} : { retentionLevels }),
    ...(formerLevel === undefined ? {} : { formerLevel }),
  }
  const { policy: before } = readPolicy(text, { file, ...levels })
  if (before === undefined || format === 'json') return printPolicy(policy, options)
  if (isDeepStrictEqual(before, withoutGeneration(policy))) return text
  const old = plainOf(before)
  const now = plainOf(policy)
  const changed = Object.entries(now).filter(([key, value]) => !isDeepStrictEqual(old[key], value))
  const spliced = spliceMap(text, [
    ...Object.keys(old).flatMap((key) => (key in now ? [] : [{ key }])),
    ...changed.map(([key, value]) => ({ key, value })),
  ])
  const isPolicy = (each: string): boolean =>
    isDeepStrictEqual(readPolicy(each, { file, ...levels }).policy, withoutGeneration(policy))
  if (spliced !== undefined && isPolicy(spliced)) return spliced
  const document = parseDocument(text)
  for (const key of Object.keys(old)) if (!(key in now)) document.delete(key)
  for (const [key, value] of changed) document.set(key, document.createNode(value))
  const updated = document.toString({ lineWidth: 0, flowCollectionPadding: isPadded(text) })
  return isPolicy(updated) ? updated : printPolicy(policy, options)
}

/** The policy alone, as a file has it. */
export function withoutGeneration(policy: Policy | StoredPolicy): Policy {
  const { generation: _generation, changedAt: _changedAt, ...rest } = policy as StoredPolicy
  return rest
}

/** Whether lists and maps on one line have spaces within their brackets, as most of a text has. */
function isPadded(text: string): boolean {
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0
  return count(/[[{][ \t]+[^ \t\r\n#\]}]/g) > count(/[[{][^ \t\r\n\]}]/g)
}

function plainOf(policy: Policy): Plain {
  return defined({
    name: policy.name,
    active: policy.active,
    effective: policy.effectiveAt === undefined ? undefined : new Date(policy.effectiveAt).toISOString(),
    clients: policy.clients,
    selections: policy.selections.map((each) => (each.startsWith('/') ? printPath(each as never) : each)),
    'multiple-streams': policy.multipleStreams,
    'checkpoint-every':
      policy.checkpointIntervalMs === 0
        ? 'never'
        : policy.checkpointIntervalMs === undefined
          ? undefined
          : printDuration(policy.checkpointIntervalMs),
    exclude: policy.exclude,
    include: policy.include,
    'cross-mount-points': policy.crossMountPoints,
    compression: policy.compression,
    digest: policy.digest,
    storage: storageOf(policy.storage),
    'volume-pool': policy.volumePool,
    priority: policy.priority,
    'max-jobs': policy.maxJobs,
    schedules: policy.schedules.map(scheduleOf),
  })
}

function scheduleOf(schedule: Schedule): Plain {
  const { calendar, exclude, frequencyMs, storage } = schedule
  return defined({
    name: schedule.name,
    type: schedule.type,
    every: frequencyMs === undefined ? undefined : printDuration(frequencyMs),
    calendar:
      calendar === undefined
        ? undefined
        : { ...daysOf(calendar), 'retry-after-run-day': calendar.retryAfterRunDay },
    exclude: exclude === undefined ? undefined : daysOf(exclude),
    windows: printWindows(schedule.windows),
    retention: schedule.retentionLevel,
    multiplexing: schedule.multiplexing,
    storage: storage === undefined ? undefined : storageOf(storage),
    'volume-pool': schedule.volumePool,
    copies: schedule.copies?.map(copyOf),
  })
}

function copyOf({ storage, volumePool, retentionLevel, onFailure }: ScheduleCopy): Plain {
  return defined({
    storage: storage === undefined ? undefined : storageOf(storage),
    'volume-pool': volumePool,
    retention: retentionLevel,
    'on-failure': onFailure === 'failAllCopies' ? 'fail-all-copies' : onFailure,
  })
}

function daysOf({ dates, weekdays, daysOfMonth }: DayRule): Plain {
  return defined({
    dates,
    weekdays: weekdays?.map(printCalendarWeekday),
    'days-of-month': daysOfMonth,
  })
}

function storageOf(storage: StorageChoice): unknown {
  return storage.kind === 'any' ? 'any' : { [storage.kind]: storage.name }
}

function defined(value: Plain): Plain {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))
}

function commentLevels(document: Document, levels: readonly RetentionLevel[]): void {
  const schedules = document.get('schedules')
  if (!isSeq(schedules)) return
  for (const schedule of schedules.items) {
    const retention = isMap(schedule) ? schedule.get('retention', true) : undefined
    if (!isScalar(retention)) continue
    const row = levels.find(({ level }) => level === retention.value)
    if (row !== undefined) retention.comment = ` ${printRetentionPeriod(row.periodMs)}`
  }
}

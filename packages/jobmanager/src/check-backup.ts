import {
  type BackupJobRequest,
  type JobStream,
  type Path,
  type RetryRule,
  type WorkJobRequest,
  NbError,
  toPath,
} from '@nb/contracts'
import type { JobRecord } from './job-record.ts'

type Check = readonly [field: string, valid: boolean, allowed: string]

/** Rejects a Job Start that can't become a job with `argument-invalid`, naming the field. */
export function checkBackupRequest(input: BackupJobRequest): void {
  const { requestId, type, policy, schedule, client, selections, streams = [], retentionMs = 0 } = input
  const isArchive = type === 'archive'
  const checks: readonly Check[] = [
    ['requestId', isText(requestId), 'must not be empty'],
    ['type', type === 'backup' || isArchive, 'must be backup or archive'],
    ['client', isText(client), 'must not be empty'],
    ['policy.name', policy.name.length > 0, 'must not be empty'],
    ['policy.selections', policy.selections.length > 0, 'must name at least one path'],
    ['policy.priority', isPriority(policy.priority ?? 0), 'must be 0–99999'],
    ['schedule.name', schedule.name.length > 0, 'must not be empty'],
    [
      'schedule.type',
      (schedule.type === 'user-archive') === isArchive,
      'must be user-archive for an archive, and for nothing else',
    ],
    ['schedule.retentionLevel', isWithin(schedule.retentionLevel, 0, 100), 'must be 0–100'],
    ['selections', selections?.length !== 0, 'must name at least one path'],
    [
      'windowClosesAt',
      input.windowClosesAt === undefined || Number.isFinite(input.windowClosesAt),
      'must be a time',
    ],
    ['retentionMs', retentionMs === null || retentionMs >= 0, 'must not be negative'],
    ...retryChecks(input.retry),
    ...streamChecks(streams),
  ]
  rejectWrong(checks)
  if (selections === undefined && streams.length === 0) selectedPaths({ backup: input })
}

/** Rejects a request for a work job that can't become one with `argument-invalid`, naming the field. */
export function checkWorkRequest(input: WorkJobRequest): void {
  rejectWrong([
    ['requestId', isText(input.requestId), 'must not be empty'],
    ['type', isText(input.type), 'must not be empty'],
    ['client', input.client === undefined || isText(input.client), 'must not be empty'],
    ['priority', isPriority(input.priority ?? 0), 'must be 0–99999'],
    ...retryChecks(input.retry),
  ])
}

/** Rejects what is no priority with `argument-invalid`. */
export function checkPriority(priority: number): void {
  rejectWrong([['priority', isPriority(priority), 'must be 0–99999']])
}

/**
 * What a job backs up: what was asked for, else the policy's selections without the marks between its streams. A directive
 * that stands for a client's file systems is resolved before a job is asked for.
 */
export function selectedPaths({
  backup,
  selections,
}: {
  readonly backup?: Pick<NonNullable<JobRecord['backup']>, 'policy'> | undefined
  readonly selections?: readonly Path[] | undefined
}): readonly Path[] {
  if (selections !== undefined) return selections
  const named = (backup?.policy.selections ?? []).filter((selection) => selection !== 'NEW_STREAM')
  rejectWrong([
    ['policy.selections', named.length > 0, 'must name at least one path'],
    [
      'policy.selections',
      !named.includes('ALL_LOCAL_DRIVES'),
      'has ALL_LOCAL_DRIVES: the paths that it stands for must be given with the request',
    ],
  ])
  return named.map((selection) => toPath(selection))
}

function streamChecks(streams: readonly JobStream[]): readonly Check[] {
  const names = streams.map(({ name }) => name)
  return [
    ['streams', names.every(isText) && new Set(names).size === names.length, 'must have names that differ'],
    ['streams', streams.every(({ selections }) => selections.length > 0), 'must name at least one path each'],
    ...streams.flatMap(({ retry }) => retryChecks(retry)),
  ]
}

function retryChecks(retry: RetryRule | undefined): readonly Check[] {
  if (retry === undefined) return []
  return [
    ['retry.tries', isWithin(retry.tries, 1, 100), 'must be 1–100'],
    ['retry.delayMs', retry.delayMs >= 0, 'must not be negative'],
  ]
}

function rejectWrong(checks: readonly Check[]): void {
  for (const [field, valid, allowed] of checks)
    if (!valid) throw new NbError('argument-invalid', `${field} ${allowed}`, { details: { field } })
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0
}

function isPriority(value: number): boolean {
  return isWithin(value, 0, 99_999)
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

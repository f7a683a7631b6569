import {
  type BackupJobRequest,
  type JobStream,
  type Path,
  type Policy,
  type RetryRule,
  type WorkJobRequest,
  NbError,
  toPath,
} from '@nb/contracts'
import type { JobRecord } from './job-record.ts'

/** Rejects a Job Start that can't become a job with `argument-invalid`, naming the field. */
export function checkBackupRequest(input: BackupJobRequest): void {
  const { policy, schedule, selections, windowClosesAt, streams = noStreams, retentionMs = 0 } = input
  const isArchive = input.type === 'archive'
  check('requestId', isText(input.requestId), 'must not be empty')
  check('type', input.type === 'backup' || isArchive, 'must be backup or archive')
  check('client', isText(input.client), 'must not be empty')
  check('policy.name', policy.name.length > 0, 'must not be empty')
  check('policy.selections', policy.selections.length > 0, 'must name at least one path')
  check('policy.priority', isPriority(policy.priority ?? 0), 'must be 0–99999')
  check('schedule.name', schedule.name.length > 0, 'must not be empty')
  const isForArchives = schedule.type === 'user-archive'
  check(
    'schedule.type',
    isForArchives === isArchive,
    'must be user-archive for an archive, and for nothing else',
  )
  check('schedule.retentionLevel', isWithin(schedule.retentionLevel, 0, 100), 'must be 0–100')
  check('selections', selections?.length !== 0, 'must name at least one path')
  check('windowClosesAt', windowClosesAt === undefined || Number.isFinite(windowClosesAt), 'must be a time')
  check('retentionMs', retentionMs === null || retentionMs >= 0, 'must not be negative')
  checkRetry(input.retry)
  if (streams.length > 0) checkStreams(streams)
  else if (selections === undefined) selectedPaths({ backup: input })
}

const noStreams: readonly JobStream[] = []

/** Rejects a request for a work job that can't become one with `argument-invalid`, naming the field. */
export function checkWorkRequest(input: WorkJobRequest): void {
  check('requestId', isText(input.requestId), 'must not be empty')
  check('type', isText(input.type), 'must not be empty')
  check('client', input.client === undefined || isText(input.client), 'must not be empty')
  check('priority', isPriority(input.priority ?? 0), 'must be 0–99999')
  checkRetry(input.retry)
}

/** Rejects what is no priority with `argument-invalid`. */
export function checkPriority(priority: number): void {
  check('priority', isPriority(priority), 'must be 0–99999')
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
  const named = backup?.policy.selections ?? []
  const known = pathsOf.get(named)
  if (known !== undefined) return known
  const paths = named.filter((selection) => selection !== 'NEW_STREAM')
  check('policy.selections', paths.length > 0, 'must name at least one path')
  check(
    'policy.selections',
    !paths.includes('ALL_LOCAL_DRIVES'),
    'has ALL_LOCAL_DRIVES: the paths that it stands for must be given with the request',
  )
  const found = paths.map((selection) => toPath(selection))
  pathsOf.set(named, found)
  return found
}

/** The paths of selections: those of one policy are the same for each of its jobs. */
const pathsOf = new WeakMap<Policy['selections'], readonly Path[]>()

function checkStreams(streams: readonly JobStream[]): void {
  const names = streams.map(({ name }) => name)
  const differ = names.every(isText) && new Set(names).size === names.length
  check('streams', differ, 'must have names that differ')
  const haveAll = streams.every(({ selections }) => selections.length > 0)
  check('streams', haveAll, 'must name at least one path each')
  for (const { retry } of streams) checkRetry(retry)
}

function checkRetry(retry: RetryRule | undefined): void {
  if (retry === undefined) return
  check('retry.tries', isWithin(retry.tries, 1, 100), 'must be 1–100')
  check('retry.delayMs', retry.delayMs >= 0, 'must not be negative')
}

/** Throws `argument-invalid` for a field that is not what it may be. */
function check(field: string, valid: boolean, allowed: string): void {
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

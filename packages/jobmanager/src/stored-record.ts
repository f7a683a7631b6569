import { type MediaRequest, NbError } from '@nb/contracts'
import type { Holding, JobPhase, JobRecord, JobSpec } from './job-record.ts'
import { objectOf, rowsOf } from './rows.ts'
import { upgradedRecord } from './upgraded-record.ts'
import { wholeRecord } from './whole-record.ts'

const phases: readonly string[] = [
  'queued',
  'granted',
  'imaged',
  'running',
  'working',
  'registered',
  'parent',
  'resting',
  'waiting-for-retry',
  'suspended',
  'incomplete',
  'ended',
  'final',
] satisfies JobPhase[]

const atRest: readonly string[] = [
  'resting',
  'waiting-for-retry',
  'suspended',
  'incomplete',
] satisfies JobPhase[]

/** A record as it is read: what is a list in memory is stored by its keys. */
type WrittenRecord = Omit<JobRecord, 'mediaRequests' | 'sessionHoldings'> & {
  readonly mediaRequests: Readonly<Record<string, MediaRequest>>
  readonly sessionHoldings: Readonly<Record<string, Holding>>
}

/** What is stored of a job, as JSON: what changes with every step of it, and what was written once. */
export interface StoredJob {
  readonly record: object
  readonly spec: object
}

/** A record as it is written. */
export function storedJob(record: JobRecord): StoredJob {
  return { record: new StoredRecord(record), spec: specOf(record) }
}

/** The part of a record that changes, told apart when it is written out. */
export class StoredRecord {
  readonly #record: JobRecord

  constructor(record: JobRecord) {
    this.#record = record
  }

  toJSON(): object {
    const { mediaRequests, sessionHoldings } = this.#record
    // What is `undefined` is not written.
    return {
      ...this.#record,
      mediaRequests: objectOf(mediaRequests),
      sessionHoldings: objectOf(sessionHoldings),
      backup: undefined,
      selections: undefined,
      streamSet: undefined,
      retentionMs: undefined,
      copyRetentionMs: undefined,
    }
  }
}

function specOf({ backup, selections, streamSet, retentionMs, copyRetentionMs }: JobRecord): JobSpec {
  return { backup, selections, streamSet, retentionMs, copyRetentionMs }
}

/**
 * Reads a stored record, with what was asked for where that is given. Rejects what can't be one with `store-corrupt`,
 * naming the key; a record of a newer version with `version-unsupported`.
 */
export function parseRecord(key: string, text: string, spec?: string): JobRecord {
  const value = upgradedRecord(parseObject<WrittenRecord>(key, text))
  if (typeof value.version === 'number' && value.version > 1) {
    throw new NbError(
      'version-unsupported',
      `job record ${key} has version ${String(value.version)}; this is for 1`,
      { details: { key, version: value.version } },
    )
  }
  const wrong = findWrong(value)
  if (wrong !== undefined) throw corrupt(key, `its ${wrong} is missing or wrong`)
  const record = inMemory(value as WrittenRecord)
  if (spec === undefined) return wholeRecord(record)
  const whole = wholeRecord({ ...record, ...parseObject<JobSpec>(key, spec) })
  if (needsPolicy(whole) && typeof whole.backup?.schedule !== 'object')
    throw corrupt(key, 'its backup is missing or wrong')
  return whole
}

function findWrong(value: Partial<WrittenRecord>): string | undefined {
  const { id, requestId, type, origin, client, phase = '' } = value
  if (value.version !== 1) return 'version'
  if ([id, requestId, type, origin, client].some((field) => typeof field !== 'string')) return 'a name'
  if (!phases.includes(phase)) return 'phase'
  if (typeof value.submittedAt !== 'number' || typeof value.priority !== 'number') return 'a number'
  if (typeof value.sessionHoldings !== 'object' || typeof value.mediaRequests !== 'object')
    return 'row of media requests'
  if (typeof value.attempt?.number !== 'number' || !Array.isArray(value.tries)) return 'row of tries'
  if ((phase === 'ended' || phase === 'final') && typeof value.ending?.status !== 'number') return 'ending'
  if (atRest.includes(phase) && typeof value.rest?.status !== 'number') return 'rest'
  if (phase === 'parent' && !Array.isArray(value.children)) return 'row of children'
  return undefined
}

function inMemory(written: WrittenRecord): JobRecord {
  const { mediaRequests, sessionHoldings } = written
  return { ...written, mediaRequests: rowsOf(mediaRequests), sessionHoldings: rowsOf(sessionHoldings) }
}

function needsPolicy({ type }: JobRecord): boolean {
  return type === 'backup' || type === 'archive'
}

function parseObject<Value>(key: string, text: string): Partial<Value> {
  let value: Partial<Value> | null
  try {
    value = JSON.parse(text) as Partial<Value> | null
  } catch (error) {
    throw corrupt(key, 'it is not JSON', error)
  }
  if (typeof value !== 'object' || value === null) throw corrupt(key, 'it is not an object')
  return value
}

/** The typed error for something stored that can't be read. */
export function corrupt(key: string, why: string, cause?: unknown): NbError {
  return new NbError('store-corrupt', `the jobs database is damaged at key ${key}: ${why}`, {
    details: { key },
    ...(cause === undefined ? {} : { cause }),
  })
}

import { type ErrorCode, type Json, NbError } from '@nb/contracts'
import type { Told } from '../scsi/scsi-unit.ts'
import { senseCode, type SenseMeaning } from '../scsi/sense-meaning.ts'
import { connectionLostStatus, isConnectionLost } from './connection-lost.ts'

/** What a drive was doing when it failed. */
export type Doing = 'write' | 'read' | 'position' | 'load' | 'unload' | 'ask'

const ofDoing: Readonly<Record<Doing, ErrorCode>> = {
  write: 'media-write-failed',
  read: 'media-read-failed',
  position: 'media-position-failed',
  load: 'media-open-failed',
  unload: 'media-open-failed',
  ask: 'scsi-command-failed',
}

interface Mapped {
  readonly code: ErrorCode
  readonly retryable?: boolean
}

/** The error for what sense data came down to, where it doesn't depend on what was being done. */
const ofMeaning: Partial<Readonly<Record<SenseMeaning, Mapped>>> = {
  'becoming-ready': { code: 'drive-not-ready' },
  'no-medium': { code: 'drive-not-ready' },
  'not-ready': { code: 'drive-not-ready' },
  'cleaning-under-way': { code: 'drive-not-ready' },
  'write-protected': { code: 'media-write-protected' },
  'worm-overwrite': { code: 'media-write-protected' },
  'incompatible-medium': { code: 'media-open-failed', retryable: false },
  'not-supported': { code: 'not-supported' },
  'access-denied': { code: 'scsi-access-denied' },
  'key-missing': { code: 'key-missing' },
  'not-encrypted': { code: 'media-read-failed', retryable: false },
}

/** What is known of a failure besides the sense data. */
export interface FailureFacts {
  readonly drive: string
  readonly doing: Doing
  /** Where the drive stands now; absent when that isn't known. */
  readonly object?: number
  /** Names of TapeAlert flags that are raised. */
  readonly alerts?: readonly string[]
  /** What the key is called with which the block is encrypted. */
  readonly keyLabel?: string
}

/** The typed error of a command that a drive ended with sense data. */
export function driveError(
  told: Told,
  { drive, doing, object, alerts = [], keyLabel }: FailureFacts,
): NbError {
  const mapped: Mapped = ofMeaning[told.meaning] ?? { code: ofDoing[doing] }
  const details: Record<string, Json> = {
    drive,
    sense: senseCode(told.sense),
    meaning: told.meaning,
    ...(object === undefined ? {} : { object }),
    ...(alerts.length === 0 ? {} : { alerts }),
    ...(keyLabel === undefined ? {} : { keyLabel }),
  }
  const flags = alerts.length === 0 ? '' : `; TapeAlert: ${alerts.join(', ')}`
  const key = keyLabel === undefined ? '' : `; its key is called ${JSON.stringify(keyLabel)}`
  return new NbError(mapped.code, `drive ${drive}: ${told.text} (${senseCode(told.sense)})${key}${flags}`, {
    details,
    ...(mapped.retryable === undefined ? {} : { retryable: mapped.retryable }),
  })
}

const inWords: Readonly<Record<Doing, string>> = {
  write: 'writing',
  read: 'reading',
  position: 'positioning',
  load: 'loading',
  unload: 'unloading',
  ask: 'it was asked',
}

/** The error for a command whose end is not known: the transport was lost, or its time was up. */
export function unknownEnd(cause: unknown, drive: string, doing: Doing): NbError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const isLost = isConnectionLost(cause)
  const text = isLost
    ? `the connection to drive ${drive} was lost while ${inWords[doing]}; whether that was carried out is not known (${why})`
    : `drive ${drive}: how the command ended is not known (${why}); ask for the position before going on`
  return new NbError(ofDoing[doing], text, {
    cause,
    retryable: true,
    details: { drive, meaning: 'end-unknown' },
    ...(isLost ? { status: connectionLostStatus } : {}),
  })
}

/** The error for a drive that is not where its user believes it to be. */
export function notWhereBelieved(
  drive: string,
  at: number,
  believed: number | undefined,
  why: string,
): NbError {
  const belief = believed === undefined ? 'its place was not known' : `it should stand at object ${believed}`
  return new NbError(
    'media-position-failed',
    `drive ${drive} stands at object ${at}; ${belief} (${why}). Nothing was read or written`,
    { details: { drive, object: at, ...(believed === undefined ? {} : { believed }) } },
  )
}

/** The error for a drive that has no volume ready. */
export function notReady(drive: string, why: string): NbError {
  return new NbError('drive-not-ready', `drive ${drive} is not ready: ${why}`, { details: { drive } })
}

/** The error for what a drive doesn't do. */
export function unsupported(drive: string, what: string): NbError {
  return new NbError('not-supported', `drive ${drive} does not support ${what}`, { details: { drive, what } })
}

import type { Json } from './call-options.ts'
import { statusCodes } from './status-codes.ts'

/** What an error code says by default: its ending status and whether the same call may succeed later. */
export interface ErrorKind {
  readonly status: number
  readonly retryable: boolean
}

/** Every error code a port can answer with. `status` is one of {@link statusCodes}. */
export const errorKinds = {
  'argument-invalid': { status: 20, retryable: false },
  'value-missing': { status: 152, retryable: false },
  'not-found': { status: 227, retryable: false },
  'already-exists': { status: 226, retryable: false },
  'state-conflict': { status: 228, retryable: false },
  'not-supported': { status: 228, retryable: false },
  'generation-conflict': { status: 228, retryable: true },
  'policy-unknown': { status: 230, retryable: false },
  'policy-inactive': { status: 247, retryable: false },
  'schedule-unknown': { status: 240, retryable: false },
  'client-unknown': { status: 48, retryable: false },
  'client-not-in-policy': { status: 239, retryable: false },
  'client-unreachable': { status: 58, retryable: true },
  'client-ended': { status: 50, retryable: true },
  'start-notify-failed': { status: 73, retryable: true },
  'start-notify-timeout': { status: 74, retryable: true },
  'end-notify-timeout': { status: 75, retryable: true },
  'source-missing': { status: 71, retryable: false },
  'source-unreadable': { status: 2, retryable: false },
  'nothing-backed-up': { status: 2, retryable: false },
  'job-unknown': { status: 805, retryable: false },
  'job-cancelled': { status: 150, retryable: false },
  'job-suspended': { status: 157, retryable: false },
  'resume-impossible': { status: 163, retryable: false },
  'manager-stopping': { status: 803, retryable: true },
  'session-unknown': { status: 914, retryable: false },
  'session-killed': { status: 63, retryable: true },
  'outside-window': { status: 199, retryable: true },
  'schedule-type-missing': { status: 198, retryable: false },
  'window-closed': { status: 196, retryable: true },
  'lease-expired': { status: 914, retryable: true },
  'request-duplicate': { status: 813, retryable: false },
  'request-cancelled': { status: 907, retryable: false },
  'request-denied': { status: 906, retryable: false },
  'request-impossible': { status: 800, retryable: false },
  'storage-unit-unknown': { status: 219, retryable: false },
  'storage-unit-mismatch': { status: 154, retryable: false },
  'storage-group-unknown': { status: 2097, retryable: false },
  'pool-unknown': { status: 167, retryable: false },
  'media-server-unknown': { status: 2101, retryable: false },
  'media-server-unreachable': { status: 811, retryable: true },
  'media-open-failed': { status: 83, retryable: true },
  'key-missing': { status: 83, retryable: false },
  'media-write-failed': { status: 84, retryable: true },
  'media-read-failed': { status: 85, retryable: true },
  'media-full': { status: 129, retryable: true },
  'media-end': { status: 96, retryable: true },
  'media-position-failed': { status: 86, retryable: true },
  'media-write-protected': { status: 84, retryable: false },
  'drive-not-ready': { status: 2037, retryable: true },
  'element-empty': { status: 2043, retryable: false },
  'element-full': { status: 228, retryable: false },
  'robot-not-ready': { status: 2020, retryable: true },
  'robot-failed': { status: 2020, retryable: false },
  'scsi-transport-lost': { status: 40, retryable: true },
  'scsi-timeout': { status: 41, retryable: true },
  'scsi-access-denied': { status: 46, retryable: false },
  'scsi-command-failed': { status: 174, retryable: false },
  'disk-full': { status: 155, retryable: true },
  'fragment-corrupt': { status: 85, retryable: false },
  'fragment-missing': { status: 165, retryable: false },
  'archive-corrupt': { status: 92, retryable: false },
  'image-unknown': { status: 227, retryable: false },
  'image-incomplete': { status: 228, retryable: true },
  'image-inconsistent': { status: 229, retryable: true },
  'image-needed': { status: 228, retryable: false },
  'file-list-corrupt': { status: 229, retryable: false },
  'path-not-backed-up': { status: 142, retryable: false },
  'no-image-matches': { status: 190, retryable: false },
  'target-exists': { status: 5, retryable: false },
  'target-unsafe': { status: 5, retryable: false },
  'restore-failed': { status: 2800, retryable: true },
  'channel-broken': { status: 23, retryable: true },
  'ticket-invalid': { status: 46, retryable: false },
  'access-denied': { status: 46, retryable: false },
  'identity-invalid': { status: 46, retryable: false },
  'token-invalid': { status: 46, retryable: false },
  'store-locked': { status: 145, retryable: true },
  'store-corrupt': { status: 220, retryable: false },
  'store-failed': { status: 220, retryable: true },
  'version-unsupported': { status: 43, retryable: false },
  'message-invalid': { status: 43, retryable: false },
  'server-unreachable': { status: 25, retryable: true },
  'file-failed': { status: 11, retryable: true },
  internal: { status: 130, retryable: false },
} as const

/** A stable name for what went wrong; each has a heading in the README of the package that throws it. */
export type ErrorCode = keyof typeof errorKinds

/** What an error adds to its code and message. */
export interface NbErrorOptions {
  /** Facts for a program: names, ids, numbers. Never secrets. */
  readonly details?: Readonly<Record<string, Json>>
  /** What led to it; stays on its own host. */
  readonly cause?: unknown
  /** The ending status, where the code's own does not tell enough. */
  readonly status?: number
  /** Whether the same call may succeed later, where it differs from the code's own answer. */
  readonly retryable?: boolean
  /** What the person who reads it can do, a sentence or two, where it is known better than by the status. @default the remedy of the status */
  readonly remedy?: string
}

/** The error of every port. `message` names the thing and the remedy for a person. */
export class NbError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  readonly details: Readonly<Record<string, Json>>
  /** What the person who reads it can do: its own, or that of its status. */
  readonly remedy: string

  constructor(code: ErrorCode, message: string, options: NbErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'NbError'
    this.code = code
    this.status = options.status ?? errorKinds[code].status
    this.retryable = options.retryable ?? errorKinds[code].retryable
    this.details = options.details ?? {}
    this.remedy = options.remedy ?? remedyOfStatus(this.status)
  }
}

function remedyOfStatus(status: number): string {
  return statusCodes[status]?.remedy ?? 'Read the job log.'
}

/** An {@link NbError} as plain data, for a wire or a record. */
export interface ErrorRecord {
  readonly code: ErrorCode
  readonly message: string
  readonly status: number
  readonly retryable: boolean
  readonly details: Readonly<Record<string, Json>>
  /** What a person can do about it, where it is not just what the status says. */
  readonly remedy?: string
}

/** The plain data of any error: an {@link NbError} as it is, others as `internal`, an abort as `request-cancelled`. */
export function toErrorRecord(error: unknown): ErrorRecord {
  const known = asNbError(error)
  const { code, message, status, retryable, details, remedy } = known
  const own = remedy === remedyOfStatus(status) ? {} : { remedy }
  return { code, message, status, retryable, details, ...own }
}

/** The error of plain data. */
export function fromErrorRecord(record: ErrorRecord): NbError {
  return new NbError(record.code, record.message, record)
}

/** Any thrown thing as an {@link NbError}, keeping it as the cause. */
export function asNbError(error: unknown, fallback: ErrorCode = 'internal'): NbError {
  if (error instanceof NbError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (isAbortError(error)) return new NbError('request-cancelled', message, { cause: error })
  const systemCode = (error as NodeJS.ErrnoException | undefined)?.code
  if (systemCode === 'ENOSPC' || systemCode === 'EDQUOT')
    return new NbError('disk-full', message, { cause: error })
  return new NbError(fallback, message, { cause: error })
}

/** Whether it is the `AbortError` (or timeout) of an `AbortSignal`. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

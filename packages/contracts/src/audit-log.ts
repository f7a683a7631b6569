import type { CallOptions } from './call-options.ts'
import type { ErrorCode } from './errors.ts'
import type { Role } from './roles.ts'

/** What is noted of a call: who made it, what it was about, how it ended. Arguments are not, since they may have secrets. */
export interface AuditEntry {
  /** When it ended, milliseconds since the epoch. */
  readonly time: number
  readonly caller: AuditCaller
  /** Port and method, such as `scheduler.putPolicy`. */
  readonly call: string
  /** What it was about: a name or an id. Absent where the call names nothing. */
  readonly subject?: string
  /** `refused`: the caller's roles do not allow it; `failed`: it was allowed and did not succeed. */
  readonly outcome: 'done' | 'refused' | 'failed'
  /** Of a call that was not done. */
  readonly error?: { readonly code: ErrorCode; readonly status: number }
}

/** Who made a call. */
export interface AuditCaller {
  /** Absent for a caller that showed no certificate: a host that enrols. */
  readonly name?: string
  readonly roles: readonly Role[]
  /** Where it came from, where that is known. */
  readonly address?: string
}

/** An entry in the log. */
export interface AuditRecord extends AuditEntry {
  /** From 1, rising; later entries have higher ones. */
  readonly number: number
}

/** Which entries. All given conditions must hold. */
export interface AuditFilter {
  /** Name of the caller. */
  readonly caller?: string
  /** A whole call, or a port, such as `scheduler`. */
  readonly call?: string
  readonly subject?: string
  readonly outcomes?: readonly AuditEntry['outcome'][]
  /** At or after, milliseconds since the epoch. */
  readonly from?: number
  /** Before, milliseconds since the epoch. */
  readonly to?: number
  /** The newest so many. @default no limit */
  readonly limit?: number
}

/**
 * Who has changed what, and who was not allowed to.
 *
 * Obligations: what `append` has resolved for survives any crash and is changed by nobody; the log loses entries by their age alone.
 */
export interface AuditLog {
  /** Adds an entry, durably. Rejects with `store-failed`. */
  append(input: AuditEntry, options?: CallOptions): Promise<void>
  /** The entries that match, newest first. */
  list(input: AuditFilter, options?: CallOptions): AsyncIterable<AuditRecord>
  /** Live: those that match of the entries from now on, until the signal aborts. `limit` says nothing here. */
  watch(input: AuditFilter, options?: CallOptions): AsyncIterable<AuditRecord>
}

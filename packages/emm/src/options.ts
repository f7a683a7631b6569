import { checkBoolean, checkInteger, checkNames, checkOneOf } from './argument-checks.ts'
import type { ErrorPolicy } from './error-policy.ts'
import type { ErrorMemory } from './media-errors.ts'

/** How a media manager behaves. */
export interface MediaManagerOptions {
  /** The volume pools made in an empty store. @default ['NetBackup', 'DataStore', 'CatalogBackup'] */
  readonly pools?: readonly string[]
  /** Whether images of several retention levels may be on one volume. @default false */
  readonly allowMultipleRetentions?: boolean
  /** How long what a media server reported of its load counts, in milliseconds, 1 s–1 day. @default 300 000 (5 min) */
  readonly loadMaxAgeMs?: number
  /**
   * How long the room of a disk storage unit counts as known after its media server told it, in milliseconds, 1 s–1 day; one
   * whose room is not known is given to whoever wants it. @default 900 000 (15 min)
   */
  readonly spaceMaxAgeMs?: number
  /** When errors of media and drives have consequences. */
  readonly errorPolicy?: ErrorPolicyOptions
  /**
   * What becomes of a job whose volume is full while there is no other that it could go on with: it waits until a person brings
   * one (2000), or is refused, and ends with 96. @default 'wait'
   */
  readonly whenNoNextVolume?: 'wait' | 'refuse'
}

/** When errors of media and drives have consequences. */
export interface ErrorPolicyOptions {
  /** So many errors of a volume or a drive within the period do, 1–1000. @default 3 */
  readonly count?: number
  /** The period in milliseconds, 1 min–30 days. @default 43 200 000 (12 h) */
  readonly periodMs?: number
  /** What becomes of a volume with images on it; one without is always frozen. @default 'frozen' */
  readonly assignedErrorState?: 'frozen' | 'suspended'
  /** How long errors are remembered, in milliseconds, from the period to 10 years. @default 2 592 000 000 (30 days) */
  readonly rememberMs?: number
  /** Most errors that are remembered, 10–1 000 000; the oldest are forgotten first. @default 10 000 */
  readonly remembered?: number
}

/** All options with their values. */
export interface Settings {
  readonly pools: readonly string[]
  readonly allowMultipleRetentions: boolean
  readonly loadMaxAgeMs: number
  readonly spaceMaxAgeMs: number
  readonly errorPolicy: ErrorPolicy
  readonly errorMemory: ErrorMemory
  readonly whenNoNextVolume: 'wait' | 'refuse'
}

const predefinedPools = ['NetBackup', 'DataStore', 'CatalogBackup']
const minute = 60_000
const day = 24 * 60 * minute

/** The options, checked, with what is not given by default. Throws `argument-invalid`. */
export function validOptions(options: MediaManagerOptions): Settings {
  const { pools = predefinedPools, allowMultipleRetentions = false, loadMaxAgeMs = 5 * minute } = options
  const { spaceMaxAgeMs = 15 * minute, whenNoNextVolume = 'wait' } = options
  const { count = 3, periodMs = day / 2, assignedErrorState = 'frozen' } = options.errorPolicy ?? {}
  const { rememberMs = Math.max(30 * day, periodMs), remembered = 10_000 } = options.errorPolicy ?? {}
  checkNames('pools', pools)
  checkBoolean('allowMultipleRetentions', allowMultipleRetentions)
  checkInteger('loadMaxAgeMs', loadMaxAgeMs, 1000, day, ' ms')
  checkInteger('spaceMaxAgeMs', spaceMaxAgeMs, 1000, day, ' ms')
  checkOneOf('whenNoNextVolume', whenNoNextVolume, ['wait', 'refuse'])
  checkInteger('errorPolicy.count', count, 1, 1000, ' errors')
  checkInteger('errorPolicy.periodMs', periodMs, minute, 30 * day, ' ms')
  checkOneOf('errorPolicy.assignedErrorState', assignedErrorState, ['frozen', 'suspended'])
  checkInteger('errorPolicy.rememberMs', rememberMs, periodMs, 3653 * day, ' ms')
  checkInteger('errorPolicy.remembered', remembered, 10, 1_000_000, ' errors')
  return {
    pools,
    allowMultipleRetentions,
    loadMaxAgeMs,
    spaceMaxAgeMs,
    errorPolicy: { count, periodMs, assignedErrorState },
    errorMemory: { most: remembered, ms: rememberMs },
    whenNoNextVolume,
  }
}

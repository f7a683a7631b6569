import type { TapeLibraryAccess } from '@nb/media-tape'

/** Which tape library a server uses, and how. Bounds are those of {@link addTapeOptions}. */
export interface TapeSettings {
  readonly access: TapeLibraryAccess
  /** Most backups that share a drive. @default 1 */
  readonly streamsPerDrive?: number
  /** How long a volume stays in its drive for the next job, milliseconds. @default 180000 */
  readonly unmountDelayMs?: number
  /** How often it looks whether drives and robots that failed work again, milliseconds. @default 60000 */
  readonly recoveryIntervalMs?: number
  /** After how many hours with volumes drives are cleaned. @default 0: only when they ask for it */
  readonly cleaningFrequencyHours?: number
  /** File of the keys with which drives encrypt the volumes of pools that begin with `ENCR_`. @default none: such pools are not written to */
  readonly keyFile?: string
  /** A model whose quirks its drives have without saying so. @default none */
  readonly quirks?: 'tgt'
}

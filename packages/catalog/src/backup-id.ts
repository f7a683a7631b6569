import { NbError } from '@nb/contracts'

/** What a backup id tells: `client_seconds`. */
export interface BackupIdParts {
  readonly client: string
  /** Seconds since 1970; the order in which a client's images were begun. */
  readonly seconds: number
}

const form = /^(.+)_(0|[1-9]\d{0,11})$/s
const controlCharacter = /[\u0000-\u001f\u007f]/

/** The backup id of a client's image. */
export function formatBackupId({ client, seconds }: BackupIdParts): string {
  return `${client}_${seconds}`
}

/** The parts of a backup id, or `undefined` when the text is none. */
export function parseBackupId(backupId: string): BackupIdParts | undefined {
  const [, client, seconds] = form.exec(backupId) ?? []
  return client === undefined || seconds === undefined ? undefined : { client, seconds: Number(seconds) }
}

/**
 * The second that the next image of a client is named after: the present one, or the one after the last that was
 * used, so that two backups in one second, or a clock set back, never give an id twice.
 */
export function nextSeconds(nowMs: number, lastUsed: number | undefined): number {
  const present = Math.max(0, Math.floor(nowMs / 1000))
  return lastUsed === undefined ? present : Math.max(present, lastUsed + 1)
}

/** Refuses names that can't be part of an id, a folder or a key. Throws `argument-invalid`. */
export function checkName(field: string, name: string, maxBytes = 200): void {
  const bytes = Buffer.byteLength(name)
  const fault =
    bytes === 0
      ? 'is empty'
      : bytes > maxBytes
        ? `has ${bytes} bytes, more than ${maxBytes}`
        : controlCharacter.test(name)
          ? 'holds a control character'
          : name.isWellFormed()
            ? undefined
            : 'is not Unicode text'
  if (fault === undefined) return
  throw new NbError('argument-invalid', `${field} ${fault}; give a plain name`, { details: { field } })
}

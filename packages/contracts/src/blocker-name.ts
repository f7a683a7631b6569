import type { Blocker } from './resources.ts'

/** The pool has as many partly full volumes as it may. */
const tooManyPartlyFull = 2087

/**
 * What a blocker is about, as a person is told it: `drive d1`, `volume A00001`, and `a volume of pool NetBackup` where any of that pool would do;
 * then its name is the pool's.
 */
export function nameOfBlocker({ kind, name, reason, limit = 1, wanted }: Blocker): string {
  const isAny =
    (wanted !== undefined && wanted.volumeId === undefined) || limit > 1 || reason === tooManyPartlyFull
  return kind === 'volume' && isAny ? `a volume of pool ${name}` : `${kind} ${name}`
}

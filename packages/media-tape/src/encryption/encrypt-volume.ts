import { NbError, type TapeDrive } from '@nb/contracts'
import type { TapeKey, TapeKeys } from './tape-keys.ts'

/** What the names of pools begin with whose volumes are encrypted, as in the field. */
export const encryptedPoolPrefix = 'ENCR_'

/** Whether a pool's volumes are encrypted by the drive. */
export function isEncryptedPool(pool: string): boolean {
  return pool.startsWith(encryptedPoolPrefix)
}

/**
 * The key for a volume that is about to be labelled for a pool; `undefined` for a pool in clear. Nothing is to be written where it rejects: with
 * `not-supported` (the drive doesn't encrypt), `key-missing` (this media server has no active key), `store-corrupt`.
 */
export async function keyForPool(
  keys: TapeKeys | undefined,
  drive: TapeDrive,
  pool: string,
): Promise<TapeKey | undefined> {
  if (!isEncryptedPool(pool)) return undefined
  const { algorithms } = await drive.encryption.status()
  if (algorithms.length === 0)
    throw new NbError(
      'not-supported',
      `Pool ${pool} is encrypted, and drive ${drive.name} does not encrypt: nothing was written. Use a drive that does, or another pool.`,
      { details: { drive: drive.name, pool } },
    )
  const key = await keys?.active()
  if (key !== undefined) return key
  throw new NbError(
    'key-missing',
    `Pool ${pool} is encrypted, and this media server has no active key: nothing was written. Add one to its key file.`,
    { details: { drive: drive.name, pool } },
  )
}

/** Sets the key of a volume that is loaded. Rejects with `key-missing`, naming it, and as the drive does. */
export async function setKeyOfVolume(
  keys: TapeKeys | undefined,
  drive: TapeDrive,
  volumeId: string,
  keyLabel: string,
): Promise<void> {
  const found = await keys?.find({ label: keyLabel })
  if (found === undefined)
    throw new NbError(
      'key-missing',
      `Volume ${volumeId} is encrypted with the key ${JSON.stringify(keyLabel)}, which this media server does not have: add it to its key file.`,
      { details: { drive: drive.name, volumeId, keyLabel } },
    )
  try {
    await drive.encryption.set({ key: found.key, keyLabel, reads: 'mixed' })
  } finally {
    found.key.fill(0)
  }
}

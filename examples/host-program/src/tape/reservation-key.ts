import { createHash } from 'node:crypto'
import { hostname } from 'node:os'

/**
 * The key under which a server reserves tape drives: of its host and its folder, so that it knows after a restart what it has left, and no other
 * server's.
 */
export function reservationKeyOf(stateDirectory: string): bigint {
  const digest = createHash('sha256').update(`${hostname()}\0${stateDirectory}`).digest()
  // 0 means none.
  return digest.readBigUInt64BE(0) | 1n
}

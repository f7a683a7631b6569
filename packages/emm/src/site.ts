import type { Drive, TapeStorageUnit, Volume } from '@nb/contracts'

/** Drives and tape storage units of one site belong together: same host, same density, same robot or none. */
export const siteOf = ({
  mediaServer,
  density,
  robot,
}: Pick<Drive | TapeStorageUnit, 'mediaServer' | 'density' | 'robot'>): string =>
  keyOf(mediaServer, density, robot)

/** Volumes outside drives are at a place: in a robot, or in none. Units of several media servers may reach it. */
export const placeOf = ({ density, robot }: Pick<Volume, 'density' | 'robot'>): string =>
  keyOf(density, robot)

/** Names have no control characters, so this key stands for no other names. A missing name differs from all. */
export function keyOf(...names: readonly (string | number | undefined)[]): string {
  let key = ''
  for (const name of names) key += `${name ?? '\u0001'}\0`
  return key
}

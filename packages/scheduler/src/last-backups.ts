import type { CallOptions, Catalog, Policy } from '@nb/contracts'
import { type LastBackups, startsByItself } from './due.ts'

/** What the catalog knows of a policy's backups of a client, or of a stream of it. */
export interface KnownBackups {
  readonly last: LastBackups
  /** When the first of them expires, milliseconds since the epoch: what is due may change then. */
  readonly expiresAt: number
}

/** While the images are gone through. */
interface Findings {
  readonly last: Map<string, number>
  expiresAt: number
}

/**
 * Asks the catalog when each schedule of a policy last succeeded for a client, for each of its streams: in their order, of
 * the streams that are named `undefined` the one for all that the policy selects. The image of one stream is no backup of
 * all. Runs by hand count. The images are gone through once, newest first, until every schedule has been found.
 */
export async function lastBackups(
  catalog: Pick<Catalog, 'listImages'>,
  policy: Policy,
  client: string,
  streams: readonly (string | undefined)[],
  options?: CallOptions,
): Promise<readonly KnownBackups[]> {
  const wanted: string[] = []
  for (const schedule of policy.schedules) if (startsByItself(schedule)) wanted.push(schedule.name)
  const found = streams.map((): Findings => ({ last: new Map(), expiresAt: Infinity }))
  let missing = wanted.length * found.length
  if (missing === 0) return found
  const [stream] = streams
  const ofStream = streams.length > 1 || stream === undefined ? {} : { stream }
  for await (const image of catalog.listImages({ client, policy: policy.name, ...ofStream }, options)) {
    const findings = found[streams.indexOf(image.stream)]
    if (findings === undefined || !wanted.includes(image.schedule)) continue
    if (findings.last.has(image.schedule)) continue
    findings.last.set(image.schedule, image.backupTime)
    if (image.expiresAt !== undefined) findings.expiresAt = Math.min(findings.expiresAt, image.expiresAt)
    missing -= 1
    if (missing === 0) break
  }
  return found
}

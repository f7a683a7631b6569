import type { CallOptions, Catalog, ImageRecord, Policy } from '@nb/contracts'
import type { LastBackups } from './due.ts'
import { startsByItself } from './due.ts'

/** What the catalog knows of a policy's backups of a client. */
export interface KnownBackups {
  readonly last: LastBackups
  /** When the first of them expires, milliseconds since the epoch: what is due may change then. */
  readonly expiresAt: number
}

/** Asks the catalog when each schedule of a policy last succeeded for a client, or a stream of it. Runs by hand count. */
export async function lastBackups(
  catalog: Pick<Catalog, 'listImages'>,
  policy: Policy,
  client: string,
  stream: string | undefined,
  options?: CallOptions,
): Promise<KnownBackups> {
  const last = new Map<string, number>()
  let expiresAt = Infinity
  for (const schedule of policy.schedules) {
    if (!startsByItself(schedule)) continue
    const image = await newest(catalog, policy, client, schedule.name, stream, options)
    if (image === undefined) continue
    last.set(schedule.name, image.backupTime)
    if (image.expiresAt !== undefined) expiresAt = Math.min(expiresAt, image.expiresAt)
  }
  return { last, expiresAt }
}

/** The newest image of the stream, or of all that the policy selects: the image of one stream is no backup of all. */
async function newest(
  catalog: Pick<Catalog, 'listImages'>,
  policy: Policy,
  client: string,
  schedule: string,
  stream: string | undefined,
  options?: CallOptions,
): Promise<ImageRecord | undefined> {
  const filter = { client, policy: policy.name, schedule, ...(stream === undefined ? {} : { stream }) }
  for (const limit of [{ limit: 1 }, {}]) {
    let found = false
    for await (const image of catalog.listImages({ ...filter, ...limit }, options)) {
      found = true
      if (image.stream === stream) return image
    }
    if (!found) return undefined
  }
  return undefined
}

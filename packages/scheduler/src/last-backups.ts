import type { CallOptions, Catalog, Policy } from '@nb/contracts'
import type { LastBackups } from './due.ts'

/** Asks the catalog when each schedule of a policy last succeeded for a client. Runs by hand count. */
export async function lastBackups(
  catalog: Pick<Catalog, 'listImages'>,
  policy: Policy,
  client: string,
  options?: CallOptions,
): Promise<LastBackups> {
  const last = new Map<string, number>()
  for (const { name } of policy.schedules) {
    const filter = { client, policy: policy.name, schedule: name, limit: 1 }
    for await (const image of catalog.listImages(filter, options)) last.set(name, image.backupTime)
  }
  return last
}

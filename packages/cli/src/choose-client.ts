import { hostname } from 'node:os'
import type { CallOptions, Catalog } from '@nb/contracts'
import { UsageError } from './exit-code.ts'

/** The client meant: the one named, else the only one that was ever backed up, else this host. Throws {@link UsageError}. */
export async function chooseClient(
  catalog: Catalog,
  named: string | undefined,
  options?: CallOptions,
): Promise<string> {
  if (named !== undefined) return named
  const clients = new Set<string>()
  for await (const image of catalog.listImages({}, options)) clients.add(image.client)
  const [only, ...others] = clients
  if (only === undefined) return hostname()
  if (others.length === 0) return only
  if (clients.has(hostname())) return hostname()
  throw new UsageError(`there are backups of ${[...clients].sort().join(', ')}; say which with --client`)
}

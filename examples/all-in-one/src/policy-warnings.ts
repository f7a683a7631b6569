import type { MediaManager, Scheduler } from '@nb/contracts'
import { unknownNames } from '@nb/scheduler'

/** Tells what policies name that the server does not have: until it is added their jobs fail. */
export async function warnOfUnknownNames(
  names: readonly string[],
  {
    scheduler,
    media,
    clients,
  }: {
    readonly scheduler: Pick<Scheduler, 'getPolicy'>
    readonly media: Pick<MediaManager, 'storageUnits' | 'groups' | 'pools'>
    readonly clients: readonly string[]
  },
  warn: (text: string) => void,
): Promise<void> {
  const known = {
    units: await all(media.storageUnits({})),
    groups: await all(media.groups({})),
    pools: await all(media.pools({})),
    clients,
  }
  for (const name of names) {
    const policy = await scheduler.getPolicy({ name })
    if (policy === undefined) continue
    for (const text of unknownNames(policy, known)) warn(`policy ${name}: ${text}`)
  }
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

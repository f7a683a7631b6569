import { NbError } from '@nb/contracts'

/** What is there by that name. Throws `not-found`. */
export function known<Item>(items: ReadonlyMap<string, Item>, what: string, name: string): Item {
  const item = items.get(name)
  if (item !== undefined) return item
  throw new NbError('not-found', `This media server has no ${what} ${name}.`, { details: { [what]: name } })
}

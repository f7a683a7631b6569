import type { Policy, StorageChoice, StorageUnit, StorageUnitGroup, VolumePool } from '@nb/contracts'

/** What a server has, for policies to name. */
export interface KnownNames {
  readonly units: readonly Pick<StorageUnit, 'name' | 'type'>[]
  readonly groups: readonly Pick<StorageUnitGroup, 'name' | 'members'>[]
  readonly pools: readonly Pick<VolumePool, 'name'>[]
  /** @default any client may be there */
  readonly clients?: readonly string[]
}

/**
 * What a policy names that a server does not have, a line each. It may be added later, so this is no reason to refuse the
 * policy; until then its jobs fail. Pools matter only where the data may go to tape.
 */
export function unknownNames(policy: Policy, known: KnownNames): string[] {
  const uses = [
    { of: '', storage: policy.storage, volumePool: policy.volumePool },
    ...policy.schedules.flatMap(({ name, storage, volumePool, copies = [] }) => [
      { of: `schedule ${name}: `, storage, volumePool },
      ...copies.map((copy, index) => ({
        of: `schedule ${name}, copy ${index + 1}: `,
        storage: copy.storage,
        volumePool: copy.volumePool,
      })),
    ]),
  ]
  const clients = known.clients === undefined ? [] : missing(policy.clients, known.clients)
  return [
    ...clients.map((client) => `client ${client} is not known here`),
    ...uses.flatMap(({ of, storage, volumePool }) => [
      ...(storage === undefined || hasStorage(storage, known)
        ? []
        : [`${of}there is no storage ${storage.kind} ${nameOf(storage)}`]),
      ...(volumePool !== undefined &&
      mayBeTape(storage ?? policy.storage, known) &&
      missing([volumePool], namesOf(known.pools)).length > 0
        ? [`${of}there is no volume pool ${volumePool}`]
        : []),
    ]),
  ]
}

function hasStorage(storage: StorageChoice, { units, groups }: KnownNames): boolean {
  if (storage.kind === 'any') return true
  return namesOf(storage.kind === 'unit' ? units : groups).includes(storage.name)
}

function mayBeTape(storage: StorageChoice, { units, groups }: KnownNames): boolean {
  const isTape = (name: string): boolean => units.some((unit) => unit.name === name && unit.type !== 'disk')
  if (storage.kind === 'unit') return isTape(storage.name)
  if (storage.kind === 'any') return units.some(({ type }) => type !== 'disk')
  return groups.some(({ name, members }) => name === storage.name && members.some(isTape))
}

function nameOf(storage: StorageChoice): string {
  return storage.kind === 'any' ? 'any' : storage.name
}

function namesOf(all: readonly { readonly name: string }[]): string[] {
  return all.map(({ name }) => name)
}

function missing(names: readonly string[], known: readonly string[]): string[] {
  return names.filter((name) => !known.includes(name))
}

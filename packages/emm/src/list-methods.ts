import {
  type CallOptions,
  type Drive,
  type MediaManager,
  type StorageUnit,
  throwIfAborted,
} from '@nb/contracts'
import { shownSpace } from './disk-space.ts'
import { driveControl } from './drive-control.ts'
import type { Inventory } from './inventory.ts'
import type { Held } from './held.ts'
import type { Ledger } from './ledger.ts'
import { isOf } from './media-errors.ts'
import { requireVolume } from './known-volume.ts'
import { listedImages } from './volume-life.ts'

type ListMethods = Pick<
  MediaManager,
  | 'storageUnits'
  | 'mediaServers'
  | 'robots'
  | 'groups'
  | 'pools'
  | 'volumes'
  | 'volumeImages'
  | 'drives'
  | 'mediaErrors'
  | 'allocations'
>

/** Lists are sorted by name and show what there was when the iteration began. */
export function listMethods(ledger: Ledger): ListMethods {
  /** All entries that there are, or the one that is named. */
  async function* list<Entry, Shown = Entry>(
    options: CallOptions | undefined,
    table: (inventory: Inventory) => ReadonlyMap<string, Entry>,
    name: string | undefined,
    show: (entry: Entry) => Shown | undefined,
  ): AsyncGenerator<Shown> {
    const entries = table(ledger.inventory)
    const one = name === undefined ? undefined : entries.get(name)
    const all = name === undefined ? inOrder(entries) : one === undefined ? [] : [one]
    for (const entry of all) {
      throwIfAborted(options)
      const shown = show(entry)
      if (shown !== undefined) yield shown
    }
  }
  const asItIs = <Entry>(entry: Entry): Entry => entry
  const withControl = (drive: Drive): Drive => ({
    ...drive,
    control: driveControl(drive, ledger.inventory.robots.get(drive.robot ?? '')),
  })
  const withSpace = (unit: StorageUnit): StorageUnit => {
    const { spaces, missing, holds } = ledger.inventory
    if (unit.type !== 'disk') return unit
    const why = missing.get(unit.name)
    if (why !== undefined) return { ...unit, missing: why }
    const space = spaces.get(unit.name)
    if (space === undefined) return unit
    return { ...unit, space: shownSpace(space, holds.committedOn(unit.name)) }
  }
  return {
    storageUnits: ({ name }, options) => list(options, ({ units }) => units, name, withSpace),
    mediaServers: ({ name }, options) =>
      list(
        options,
        ({ mediaServers }) => mediaServers,
        name,
        (server) => {
          const load = ledger.inventory.loads.get(server.name)
          return load === undefined ? server : { ...server, load }
        },
      ),
    robots: ({ name }, options) => list(options, ({ robots }) => robots, name, asItIs),
    groups: ({ name }, options) => list(options, ({ groups }) => groups, name, asItIs),
    pools: ({ name }, options) => list(options, ({ pools }) => pools, name, asItIs),
    drives: ({ name }, options) => list(options, ({ drives }) => drives, name, withControl),
    volumes: ({ volumeId, pool }, options) =>
      list(
        options,
        ({ volumes }) => volumes,
        volumeId,
        (volume) => (pool === undefined || volume.pool === pool ? volume : undefined),
      ),
    volumeImages: async function* ({ volumeId }, options) {
      requireVolume(ledger.inventory, volumeId)
      for (const backupId of listedImages(ledger.inventory, volumeId)) {
        throwIfAborted(options)
        yield backupId
      }
    },
    mediaErrors: (of, options) =>
      list(
        options,
        ({ errors }) => errors,
        undefined,
        (error) => (isOf(error, of) ? error : undefined),
      ),
    allocations: ({ jobId }, options) =>
      list<Held, Held['allocation']>(
        options,
        ({ allocations }) => (jobId === undefined ? allocations : ofJob(allocations, jobId)),
        undefined,
        ({ allocation }) => allocation,
      ),
  }
}

function ofJob(allocations: ReadonlyMap<string, Held>, jobId: string): ReadonlyMap<string, Held> {
  return new Map([...allocations].filter(([, { allocation }]) => allocation.jobId === jobId))
}

function inOrder<Entry>(entries: ReadonlyMap<string, Entry>): readonly Entry[] {
  return [...entries.keys()].sort().map((name) => entries.get(name) as Entry)
}

import assert from 'node:assert/strict'
import type { MediaNeed, VolumeState } from '@nb/contracts'
import { collect, createVirtualClock, numberSetting, type VirtualClock } from '@nb/test-kit'
import fc from 'fast-check'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { createMediaManager } from '../../src/index.ts'
import { disk, drive, tape, volume } from '../site.ts'
import { slowChoice, type Told } from '../slow-choice.ts'

const volumeIds = ['V00001', 'V00002', 'V00003', 'V00004', 'S00001', 'S00002']
const driveNames = ['d1', 'd2', 'd3', 'e1']
const backups = ['b1', 'b2', 'b3', 'b4', 'b5']
const units = ['tape1', 'tape2', 'far1', 'disk1']
const limits = { media1: 5, disk1: 2 }

type Step =
  | {
      readonly do: 'write'
      readonly unit: number
      readonly level: number
      readonly mpx: number
      readonly continues: boolean
    }
  | { readonly do: 'read'; readonly unit: number; readonly volume: number }
  | { readonly do: 'release' | 'unassign' | 'unmount' | 'forget'; readonly pick: number }
  | {
      readonly do: 'assign'
      readonly pick: number
      readonly volume: number
      readonly level: number
      readonly mpx: boolean
    }
  | { readonly do: 'mount' | 'error'; readonly volume: number; readonly drive: number }
  | { readonly do: 'volume'; readonly volume: number; readonly state: VolumeState }
  | { readonly do: 'drive'; readonly drive: number; readonly state: 'up' | 'down' | 'operator' }
  | { readonly do: 'part'; readonly pick: number; readonly up: boolean }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'restart' }

const some = <Value>(value: Value) => fc.constant(value)
const pick = fc.nat(50)
const aVolume = fc.nat(volumeIds.length - 1)
const aDrive = fc.nat(driveNames.length - 1)
const level = fc.constantFrom(1, 1, 1, 2)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: some('write' as const),
      unit: fc.nat(3),
      level,
      mpx: fc.constantFrom(1, 2, 4, 4),
      continues: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: some('read' as const), unit: fc.nat(3), volume: aVolume }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'release' as const,
        'release' as const,
        'unassign' as const,
        'unmount' as const,
        'forget' as const,
      ),
      pick,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: some('assign' as const), pick, volume: aVolume, level, mpx: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('mount' as const, 'error' as const),
      volume: aVolume,
      drive: aDrive,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: some('volume' as const),
      volume: aVolume,
      state: fc.constantFrom(
        'active' as const,
        'active' as const,
        'full' as const,
        'frozen' as const,
        'suspended' as const,
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: some('drive' as const),
      drive: aDrive,
      state: fc.constantFrom('up' as const, 'up' as const, 'down' as const, 'operator' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: some('part' as const), pick, up: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: some('pass' as const), ms: fc.integer({ min: 1, max: 3 * 3_600_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: some('restart' as const) }) },
)

const runs = process.env['NB_LONG'] === '1' ? 10_000 : 30
const seed = numberSetting('NB_SEED', 20_260_101)

// The full count takes an hour, a failure is shrunk for a while.
t.setTimeout(3_600_000)

t.test(
  'what is granted and denied is what a look at everything says, and nothing is given twice',
  async (t) => {
    t.comment(`${runs} histories (10000 with NB_LONG=1), seed ${seed}`)
    const counts = { granted: 0, denied: 0, joined: 0, woken: 0, restarts: 0 }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
        const world = new World(counts)
        await world.open()
        for (const one of steps) {
          await world.take(one)
          await world.check()
          await world.checkTold()
        }
        await world.close()
      }),
      { numRuns: runs, seed },
    )
    t.comment(JSON.stringify(counts))
    t.ok(
      counts.granted > runs &&
        counts.denied > runs &&
        counts.joined > 0 &&
        counts.woken > 0 &&
        counts.restarts > 0,
    )
  },
)

class World {
  readonly clock: VirtualClock = createVirtualClock()
  readonly store = new MemoryLevel<string, string>()
  readonly needs = new Map<string, MediaNeed>()
  readonly images = new Map<string, Set<string>>(volumeIds.map((id) => [id, new Set()]))
  readonly counts: Record<'granted' | 'denied' | 'joined' | 'woken' | 'restarts', number>
  media = createMediaManager({ store: this.store, clock: this.clock })
  asked = 0
  /** Needs that were denied, each with the storage units told since. */
  readonly waiting = new Map<string, { readonly unit: string; readonly need: MediaNeed }>()
  readonly unitsTold = new Set<string>()

  constructor(counts: World['counts']) {
    this.counts = counts
  }

  async open(): Promise<void> {
    const { media } = this
    await media.start()
    this.watch()
    await media.putPool({ name: 'Scratch', scratch: true })
    await media.putPool({ name: 'NetBackup', scratch: false, maxPartiallyFull: 4 })
    await media.putMediaServer({ name: 'media1', state: 'up', maxConcurrentJobs: limits.media1 })
    await media.putRobot({ name: 'tld0', state: 'up' })
    await media.putStorageUnit(disk('disk1', { maxConcurrentJobs: limits.disk1 }))
    await media.putStorageUnit(tape('tape1', { maxStreamsPerDrive: 3 }))
    await media.putStorageUnit(tape('tape2', { maxConcurrentDrives: 1 }))
    await media.putStorageUnit(tape('far1', { mediaServer: 'media2', maxStreamsPerDrive: 2 }))
    for (const name of ['d1', 'd2', 'd3']) await media.putDrive(drive(name))
    await media.putDrive(drive('e1', { mediaServer: 'media2' }))
    for (const id of volumeIds)
      await media.putVolume(
        volume(id, {
          pool: id.startsWith('S') ? 'Scratch' : 'NetBackup',
          ...(id === 'V00004' ? { maxMounts: 3, expiresAt: this.clock.now() + 5 * 3_600_000 } : {}),
        }),
      )
  }

  watch(): void {
    const changes = this.media.watch({})
    void (async () => {
      for await (const { storageUnits } of changes) for (const name of storageUnits) this.unitsTold.add(name)
    })()
  }

  /** Whoever was denied and could have it now has been told. */
  async checkTold(): Promise<void> {
    await new Promise((resolve) => void setImmediate(resolve))
    const told = await this.told()
    for (const [key, { unit, need }] of this.waiting) {
      const possible = slowChoice(told, unit, need, this.clock.now())
      if (!possible.disk && !possible.group && possible.tiers.length === 0) continue
      assert.ok(this.unitsTold.has(unit), `${unit} could serve ${JSON.stringify(need)} and was not told`)
      this.waiting.delete(key)
      this.counts.woken += 1
    }
    this.unitsTold.clear()
  }

  async close(): Promise<void> {
    await this.media.stop()
    await this.store.close()
  }

  async take(one: Step): Promise<void> {
    const { media } = this
    switch (one.do) {
      case 'write':
        return this.ask(units[one.unit] ?? '', {
          kind: 'write',
          storage: { kind: 'unit', name: units[one.unit] ?? '' },
          volumePool: 'NetBackup',
          retentionLevel: one.level,
          multiplexing: one.mpx,
          ...(one.continues && one.mpx === 1 ? { continues: true } : {}),
        })
      case 'read': {
        const storageUnit = units[one.unit] ?? ''
        return this.ask(storageUnit, { kind: 'read', storageUnit, volumeId: volumeIds[one.volume] ?? '' })
      }
      case 'release': {
        const ids = [...this.needs.keys()]
        const allocationId = ids[one.pick % Math.max(ids.length, 1)] ?? 'none'
        this.needs.delete(allocationId)
        return media.release({ allocationId })
      }
      case 'assign': {
        const [volumeId, backupId] = [volumeIds[one.volume] ?? '', backups[one.pick % backups.length] ?? '']
        this.images.get(volumeId)?.add(backupId)
        return media.assignImage({ volumeId, backupId, retentionLevel: one.level, multiplexed: one.mpx })
      }
      case 'unassign': {
        const backupId = backups[one.pick % backups.length] ?? ''
        for (const images of this.images.values()) images.delete(backupId)
        await media.unassignImage({ backupId })
        return
      }
      case 'mount':
        return mayConflict(
          media.recordMount({ volumeId: volumeIds[one.volume] ?? '', drive: driveNames[one.drive] ?? '' }),
        )
      case 'unmount':
        return media.recordUnmount({ drive: driveNames[one.pick % driveNames.length] ?? '' })
      case 'error':
        await media.reportError({
          volumeId: volumeIds[one.volume] ?? '',
          drive: driveNames[one.drive] ?? '',
          kind: 'write',
        })
        return
      case 'forget':
        return media.forgetErrors({ drive: driveNames[one.pick % driveNames.length] ?? '' })
      case 'volume':
        return mayConflict(media.setVolumeState({ volumeId: volumeIds[one.volume] ?? '', state: one.state }))
      case 'drive':
        return media.setDriveState({ name: driveNames[one.drive] ?? '', state: one.state })
      case 'part': {
        const state = one.up ? 'up' : 'down'
        if (one.pick % 3 === 0) return media.putRobot({ name: 'tld0', state })
        if (one.pick % 3 === 1) return media.setStorageUnitState({ name: 'tape1', state })
        return media.putMediaServer({ name: 'media1', state, maxConcurrentJobs: limits.media1 })
      }
      case 'pass':
        return this.clock.advance(one.ms)
      case 'restart': {
        const before = await this.told()
        await media.stop()
        this.media = createMediaManager({ store: this.store, clock: this.clock })
        await this.media.start()
        this.watch()
        // Whoever waits asks again when a watch was interrupted.
        this.waiting.clear()
        assert.deepEqual(await this.told(), before, 'a restart changes nothing')
        this.counts.restarts += 1
      }
    }
  }

  async ask(unit: string, need: MediaNeed): Promise<void> {
    const before = await this.told()
    const possible = slowChoice(before, unit, need, this.clock.now())
    const said = await this.media.blockers({ need })
    this.asked += 1
    const allocationId = `a${this.asked}`
    const answer = await this.media.allocate({ allocationId, jobId: `j${this.asked}`, need })
    const could = possible.disk || possible.group || possible.tiers.length > 0
    assert.equal(answer.granted, could, `${JSON.stringify(need)}: ${JSON.stringify(answer)}`)
    assert.equal(said.blockers.length === 0, could, 'blockers says what allocate says')
    if (!answer.granted) {
      this.counts.denied += 1
      this.waiting.set(JSON.stringify([unit, need]), { unit, need })
      assert.ok(answer.blockers.length > 0, 'a denial has a reason')
      for (const { holders, storageUnit } of answer.blockers) {
        assert.equal(storageUnit, unit)
        for (const { jobId } of holders) assert.ok(before.allocations.some((held) => held.jobId === jobId))
      }
      return
    }
    this.counts.granted += 1
    this.needs.set(allocationId, need)
    const { medium } = answer.allocation
    if (medium.kind === 'disk') return
    const joins = medium.multiplex !== undefined && medium.multiplex.group !== allocationId
    assert.equal(joins, possible.group, 'a group is joined before a drive is taken')
    this.counts.joined += joins ? 1 : 0
    if (joins) return
    const best = Math.min(...possible.tiers.map(([, tier]) => tier))
    const chosen = possible.tiers.find(([volumeId]) => volumeId === medium.volumeId)
    assert.equal(chosen?.[1], best, 'the best kind of volume is chosen')
  }

  async told(): Promise<Told & { readonly errors: readonly unknown[] }> {
    const { media } = this
    return {
      units: await collect(media.storageUnits({})),
      servers: await collect(media.mediaServers({})),
      robots: await collect(media.robots({})),
      pools: await collect(media.pools({})),
      volumes: await collect(media.volumes({})),
      drives: await collect(media.drives({})),
      allocations: await collect(media.allocations({})),
      errors: await collect(media.mediaErrors({})),
      needs: this.needs,
    }
  }

  /** Nothing over-allocated; images and assignment say the same. */
  async check(): Promise<void> {
    const { volumes, allocations, units: all } = await this.told()
    assert.deepEqual(
      allocations.map(({ allocationId }) => allocationId).sort(),
      [...this.needs.keys()].sort(),
    )
    const onTape = allocations.flatMap(({ medium, ...rest }) =>
      medium.kind === 'tape' ? [{ ...rest, medium }] : [],
    )
    for (const field of ['drive', 'volumeId'] as const)
      for (const holders of grouped(onTape, ({ medium }) => medium[field])) {
        const [first] = holders
        if (first === undefined || holders.length === 1) continue
        if (first.purpose === 'read') {
          const what = ({ purpose, storageUnit, medium }: (typeof onTape)[number]): string =>
            `${purpose} ${storageUnit} ${medium.drive} ${medium.volumeId}`
          assert.deepEqual([...new Set(holders.map(what))], [what(first)], 'who reads shares with readers')
          continue
        }
        const group = first.medium.multiplex?.group
        assert.ok(group !== undefined && holders.every(({ medium }) => medium.multiplex?.group === group))
        assert.equal(new Set(holders.map(({ medium }) => `${medium.drive} ${medium.volumeId}`)).size, 1)
        const most = Math.min(...holders.map(({ medium }) => medium.multiplex?.most ?? 0))
        assert.ok(holders.length <= most, `${holders.length} share ${first.medium.drive}, ${most} may`)
      }
    for (const unit of all) {
      const held = onTape.filter(
        ({ storageUnit, purpose }) => storageUnit === unit.name && purpose === 'write',
      )
      if (unit.type === 'tape')
        assert.ok(new Set(held.map(({ medium }) => medium.drive)).size <= unit.maxConcurrentDrives)
    }
    assert.ok(allocations.filter(({ storageUnit }) => storageUnit === 'disk1').length <= limits.disk1)
    assert.ok(allocations.filter(({ mediaServer }) => mediaServer === 'media1').length <= limits.media1)
    for (const { volumeId, assignedAt, state } of volumes) {
      const images = this.images.get(volumeId) ?? new Set()
      assert.deepEqual(await collect(this.media.volumeImages({ volumeId })), [...images].sort())
      if (images.size > 0) assert.ok(assignedAt !== undefined, `${volumeId} has images and is assigned`)
      else assert.ok(assignedAt === undefined || state === 'frozen', `${volumeId} has none and is not`)
    }
  }
}

async function mayConflict(change: Promise<void>): Promise<void> {
  await change.catch((error: unknown) => assert.equal((error as { code?: string }).code, 'state-conflict'))
}

function grouped<Entry>(
  entries: readonly Entry[],
  key: (entry: Entry) => string,
): Iterable<readonly Entry[]> {
  const groups = new Map<string, Entry[]>()
  for (const entry of entries) groups.set(key(entry), [...(groups.get(key(entry)) ?? []), entry])
  return groups.values()
}

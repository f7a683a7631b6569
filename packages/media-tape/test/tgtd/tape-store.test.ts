import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Allocation,
  type Clock,
  type FragmentRecord,
  type MediaManager,
  type MediaStore,
  type TapeDrive,
  type TapeMountRequest,
  type TapeRobot,
  systemClock,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { TAPE_BLOCK_BYTES } from '@nb/formats'
import {
  type MediaStoreFixture,
  collect,
  createVirtualClock,
  mediaStoreSuite,
  tapeMountsSuite,
} from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import {
  type DeviceManager,
  type IscsiSession,
  createDeviceManager,
  createIscsiSession,
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeStore,
  tgtDriveQuirks,
} from '../../src/index.ts'
import { type TgtdLibrary, startTgtd, tgtdMissing } from './tgtd.ts'

const storageUnit = 'tape1'
const volumeId = 'NBT001'
const volumeIds = [volumeId, 'NBT002', 'NBT003']

t.test('on a library of tgtd', { skip: tgtdMissing }, async (t) => {
  const library = await startTgtd({ tape_mb: 64, tapes: 3, drives: 1 })
  const { portal, target } = library
  const initiatorName = 'iqn.2026-11.example.test:me'
  const session = createIscsiSession({ clock: systemClock() }, { portal, target, initiatorName })
  t.teardown(async () => {
    await session.close()
    await library.remove()
  })
  await t.test('a tape storage unit', async (t) => {
    mediaStoreSuite(t, {
      setup: () => fixtureOn(library, session),
      teardown: async () => undefined,
      unsupported: ['removal', 'numbers'],
    })
  })
  await t.test('volumes go through its mail slots and come back', async (t) => {
    const { media, begin } = await siteOn(session)
    const { devices } = await begin([])
    const placeOf = async (volumeId: string) => {
      const [volume] = await collect(media.volumes({ volumeId }))
      return [volume?.robot, volume?.slot]
    }
    await devices.label({ volumeId: 'NBT002', overwrite: true })
    const out = { robot: 'robot1', mailSlot: 1 }
    t.same(await devices.eject({ volumeId: 'NBT002' }), { volumeId: 'NBT002', ...out })
    t.same(await devices.eject({ volumeId: 'NBT003' }), { volumeId: 'NBT003', ...out, mailSlot: 2 })
    await t.rejects(devices.eject({ volumeId: 'NBT001' }), {
      code: 'element-full',
      message: /NBT002L8.*NBT003L8/,
    })
    t.same(await placeOf('NBT002'), [undefined, undefined])
    t.same(await devices.updateInventory({ robot: 'robot1' }), [])
    const { injected, left } = await devices.inject({ robot: 'robot1' })
    t.match(injected, [
      { volumeId: 'NBT002', mailSlot: 1 },
      { volumeId: 'NBT003', mailSlot: 2 },
    ])
    t.same(left, [])
    t.same(await placeOf('NBT002'), ['robot1', 2])
    t.same((await devices.inventory({ robot: 'robot1' })).differences, [])
    await devices.stop()
  })
  await t.test('a device manager', async (t) => {
    tapeMountsSuite(t, {
      setup: async () => {
        const site = await siteOn(session)
        const { devices, media, robot } = await site.begin(volumeIds)
        const settle = (): Promise<void> => devices.unloadIdle()
        await settle()
        return { mounts: devices, media, robot, drives: ['drive1'], volumes: volumeIds, settle }
      },
      teardown: async ({ settle }) => settle(),
      unsupported: ['two-drives'],
    })
  })
  await t.test('a library that began anew under a device manager costs no mount', async (t) => {
    const site = await siteOn(session)
    const { devices, media, robot, drive, warnings } = await site.begin([volumeId])
    const first = await devices.mount(wanting)
    await library.stop()
    await library.start()
    // What it was made with, and which its robot does not see, is in the drive then: a MOVE onto it fails with 4/15/01.
    await drive.load()
    await first.unmount()
    const second = await devices.mount(wanting)
    t.equal(second.generation, first.generation)
    t.equal((await robot.inventory()).find(({ place }) => place.kind === 'drive')?.barcode, 'NBT001L8')
    t.match(warnings, [/^drive drive1 holds something that robot robot1 does not see there/])
    t.match(await collect(media.robots({})), [{ state: 'up' }])
    t.match(await collect(media.drives({})), [{ state: 'up', loadedVolume: volumeId }])
    await second.unmount()
    await devices.unloadIdle()
  })
})

const wanting: TapeMountRequest = {
  ...{ jobId: '1', volumeId, drive: 'drive1', purpose: 'write', pool: 'NetBackup' },
}

interface Site {
  readonly media: MediaManager
  readonly clock: Clock
  /** Begins with some volumes labelled anew. */
  readonly begin: (labelled: readonly string[]) => Promise<{
    readonly store: MediaStore
    readonly devices: DeviceManager
    readonly robot: TapeRobot
    readonly drive: TapeDrive
    readonly media: MediaManager
    readonly warnings: readonly string[]
  }>
}

/** A site that finds the library as it is. */
async function siteOn(session: IscsiSession): Promise<Site> {
  // Nothing that is waited for by this clock ever comes: a volume stays in its drive.
  const clock = createVirtualClock(Date.UTC(2026, 0, 1))
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1', state: 'up' } as const
  await media.putRobot({ name: 'robot1', state: 'up' })
  await media.putDrive({ ...place, name: 'drive1' })
  const limits = { maxFragmentBytes: 2 ** 30, onDemandOnly: false, maxConcurrentDrives: 1 }
  await media.putStorageUnit({ ...place, ...limits, name: storageUnit, type: 'tape' })
  const begin: Site['begin'] = async (labelled) => {
    const hardware = { clock: systemClock() }
    const drives = [{ name: 'drive1', serial: 'NBDRV00001' }]
    const robot = createScsiTapeRobot({ transport: session.unit(2), ...hardware }, { name: 'robot1', drives })
    const quirks = tgtDriveQuirks
    const drive = createScsiTapeDrive({ transport: session.unit(1), ...hardware }, { name: 'drive1', quirks })
    const warnings: string[] = []
    const devices = createDeviceManager({
      robots: { robot1: robot },
      drives: { drive1: { drive, robot: 'robot1' } },
      ...{ media, clock, warn: (text: string) => void warnings.push(text) },
    })
    await devices.start()
    await devices.updateInventory({ robot: 'robot1' })
    for (const id of labelled) await devices.label({ volumeId: id, drive: 'drive1', overwrite: true })
    const store = createTapeStore({ mounts: devices, media, clock }, { storageUnit })
    return { store, devices, robot, drive, media, warnings }
  }
  return { media, clock, begin }
}

/** A site with its first volume labelled anew. */
async function fixtureOn(library: TgtdLibrary, session: IscsiSession): Promise<MediaStoreFixture> {
  const { begin } = await siteOn(session)
  let site = await begin([volumeId])
  const allocation = (purpose: Allocation['purpose']): Allocation => ({
    ...{ allocationId: 'allocation-1', jobId: '1', storageUnit, mediaServer: 'media1', purpose, since: 0 },
    medium: { kind: 'tape', maxFragmentBytes: 2 ** 30, drive: 'drive1', volumeId, volumePool: 'NetBackup' },
  })
  return {
    get store() {
      return site.store
    },
    allocation,
    reopen: async () => {
      site = await begin([])
      return site.store
    },
    damage: async ({ backupId, copy, number, offset }) => {
      const medium = await site.store.mount({ allocation: allocation('read'), jobId: '1' })
      const found = await medium.describeFragment({ backupId, copy, number })
      assert.ok(found, 'the fragment is there')
      const block = await blockWith(site.drive, found.fragment, offset)
      await medium.unmount()
      await flipIn(library.directory, block, offset % TAPE_BLOCK_BYTES)
    },
  }
}

/** The block of the payload that holds a byte of it. */
async function blockWith(
  drive: TapeDrive,
  { headerBlock = 0 }: FragmentRecord,
  offset: number,
): Promise<Buffer> {
  await drive.locate({ object: headerBlock + 1 + Math.floor(offset / TAPE_BLOCK_BYTES) })
  const target = Buffer.alloc(TAPE_BLOCK_BYTES)
  const read = await drive.readBlock({ target })
  assert.equal(read.kind, 'block')
  return target
}

/** Flips a bit of a block where the target keeps its tape. */
async function flipIn(directory: string, block: Buffer, byte: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = await open(join(directory, name), 'r+').catch(() => undefined)
    if (file === undefined) continue
    try {
      if (!(await file.stat()).isFile()) continue
      const at = (await file.readFile()).indexOf(block)
      if (at < 0) continue
      await file.write(Buffer.from([(block[byte] as number) ^ 1]), 0, 1, at + byte)
      return
    } finally {
      await file.close()
    }
  }
  assert.fail('the block is on no tape')
}

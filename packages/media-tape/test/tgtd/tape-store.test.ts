import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Allocation,
  type FragmentRecord,
  type MediaStore,
  type TapeDrive,
  systemClock,
} from '@nb/contracts'
import { createMediaManager } from '@nb/emm'
import { TAPE_BLOCK_BYTES } from '@nb/formats'
import { type MediaStoreFixture, createVirtualClock, mediaStoreSuite } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import {
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

t.test('a tape storage unit on a library of tgtd', { skip: tgtdMissing }, async (t) => {
  const library = await startTgtd({ tape_mb: 64, tapes: 2, drives: 1 })
  const { portal, target } = library
  const initiatorName = 'iqn.2026-11.example.test:me'
  const session = createIscsiSession({ clock: systemClock() }, { portal, target, initiatorName })
  t.teardown(async () => {
    await session.close()
    await library.remove()
  })
  mediaStoreSuite(t, {
    setup: () => fixtureOn(library, session),
    teardown: async () => undefined,
    unsupported: ['removal', 'numbers'],
  })
})

/** A site that finds the library as it is, and labels its first volume anew. */
async function fixtureOn(library: TgtdLibrary, session: IscsiSession): Promise<MediaStoreFixture> {
  // Nothing that is waited for by this clock ever comes: a volume stays in its drive.
  const clock = createVirtualClock(Date.UTC(2026, 0, 1))
  const media = createMediaManager({ store: new MemoryLevel(), clock })
  await media.start()
  const place = { mediaServer: 'media1', density: 'hcart', robot: 'robot1', state: 'up' } as const
  await media.putRobot({ name: 'robot1', state: 'up' })
  await media.putDrive({ ...place, name: 'drive1' })
  const limits = { maxFragmentBytes: 2 ** 30, onDemandOnly: false, maxConcurrentDrives: 1 }
  await media.putStorageUnit({ ...place, ...limits, name: storageUnit, type: 'tape' })
  const begin = async (isFirst: boolean): Promise<{ store: MediaStore; drive: TapeDrive }> => {
    const hardware = { clock: systemClock() }
    const drives = [{ name: 'drive1', serial: 'NBDRV00001' }]
    const robot = createScsiTapeRobot({ transport: session.unit(2), ...hardware }, { name: 'robot1', drives })
    const quirks = tgtDriveQuirks
    const drive = createScsiTapeDrive({ transport: session.unit(1), ...hardware }, { name: 'drive1', quirks })
    const devices = createDeviceManager({
      robots: { robot1: robot },
      drives: { drive1: { drive, robot: 'robot1' } },
      ...{ media, clock },
    })
    await devices.start()
    await devices.updateInventory({ robot: 'robot1' })
    if (isFirst) await devices.label({ volumeId, drive: 'drive1', overwrite: true })
    return { store: createTapeStore({ mounts: devices, media, clock }, { storageUnit }), drive }
  }
  let site = await begin(true)
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
      site = await begin(false)
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

import assert from 'node:assert/strict'
import {
  type DeviceOperations,
  type MediaManager,
  NbError,
  type TapeMounts,
  type Volume,
} from '@nb/contracts'
import { collect } from '../collect.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/**
 * What the suite of `DeviceOperations` works on: robot `robot1` with two drives `drive1` and `drive2`, six slots and two mail slots, whose cartridges
 * `A00001L8` to `A00004L8` in its first slots are known as volumes `A00001` to `A00004`. Nothing is on them.
 */
export interface DeviceOperationsFixture {
  readonly devices: DeviceOperations
  readonly mounts: TapeMounts
  readonly media: MediaManager
  /** A person's hand: a cartridge that is new, or was taken out before. */
  readonly putIntoMail: (barcode: string, mailSlot: number) => Promise<void>
  /** The same; gives the barcode. */
  readonly takeFromMail: (mailSlot: number) => Promise<string>
}

type Check = (name: string, body: (fixture: DeviceOperationsFixture) => Promise<void>) => void

const robot = 'robot1'

/** The obligations of `DeviceOperations`. */
export function deviceOperationsSuite(
  context: SuiteContext,
  setup: SuiteSetup<DeviceOperationsFixture>,
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  inventories(check)
  mail(check)
  labels(check)
}

function inventories(check: Check): void {
  check(
    'an inventory tells what is where beside what the media manager says, and changes nothing',
    async (fixture) => {
      const { devices, media, mounts } = fixture
      const mounted = await mounts.mount(wanting('A00001'))
      const { places, differences } = await devices.inventory({ robot })
      assert.deepEqual(differences, [])
      const at = (kind: string, number: number) =>
        places.find(({ place }) => place.kind === kind && place.number === number)
      assert.deepEqual([at('drive', 1)?.volumeId, at('drive', 1)?.expected], ['A00001', 'A00001'])
      assert.deepEqual([at('slot', 1)?.volumeId, at('slot', 1)?.expected], [undefined, undefined])
      assert.deepEqual([at('slot', 2)?.volumeId, at('slot', 2)?.expected], ['A00002', 'A00002'])
      assert.equal(places.filter(({ place }) => place.kind === 'import-export').length, 2)
      await mounted.unmount()
      const before = await volumeOf(media, 'A00003')
      await media.recordPlace({ volumeId: 'A00003', robot, slot: 6 })
      const moved = await devices.inventory({ robot })
      assert.deepEqual(moved.differences, [{ kind: 'moved', volumeId: 'A00003', from: 6, to: 3 }])
      assert.equal((await volumeOf(media, 'A00003')).slot, 6)
      assert.deepEqual(await devices.updateInventory({ robot }), moved.differences)
      assert.deepEqual(await volumeOf(media, 'A00003'), before)
      assert.deepEqual(await devices.updateInventory({ robot }), [], 'said twice, nothing differs')
    },
  )

  check('what is not there is told', async ({ devices }) => {
    const nowhere = { robot: 'none' }
    for (const ask of [devices.inventory(nowhere), devices.updateInventory(nowhere), devices.inject(nowhere)])
      await assert.rejects(ask, isError('not-found'))
    await assert.rejects(devices.eject({ volumeId: 'Z99999' }), isError('not-found'))
    await assert.rejects(devices.label({ volumeId: 'Z99999' }), isError('not-found'))
    await assert.rejects(devices.label({ volumeId: 'A00001', drive: 'none' }), isError('not-found'))
  })
}

function mail(check: Check): void {
  check(
    'a volume that is ejected is in a mail slot and in no robot; injected, it is in a slot again',
    async (fixture) => {
      const { devices, media } = fixture
      assert.deepEqual(await devices.eject({ volumeId: 'A00002' }), {
        volumeId: 'A00002',
        robot,
        mailSlot: 1,
      })
      const out = await volumeOf(media, 'A00002')
      assert.deepEqual([out.robot, out.slot], [undefined, undefined])
      assert.deepEqual(await devices.updateInventory({ robot }), [], 'in a mail slot it is not in the robot')
      assert.deepEqual(await devices.eject({ volumeId: 'A00002' }), {
        volumeId: 'A00002',
        robot,
        mailSlot: 1,
      })
      assert.equal(await fixture.takeFromMail(1), 'A00002L8')
      await assert.rejects(devices.eject({ volumeId: 'A00002' }), isError('state-conflict'))
      await fixture.putIntoMail('A00002L8', 2)
      await fixture.putIntoMail('B00001L8', 1)
      const { injected, left } = await devices.inject({ robot })
      assert.deepEqual(left, [])
      assert.deepEqual(
        injected.map(({ volumeId, mailSlot, slot }) => [volumeId, mailSlot, slot]),
        [
          ['B00001', 1, 2],
          ['A00002', 2, 5],
        ],
      )
      assert.deepEqual(places(await volumeOf(media, 'A00002')), [robot, 5])
      assert.deepEqual(places(await volumeOf(media, 'B00001')), [robot, 2])
      assert.deepEqual(await devices.inject({ robot }), { injected: [], left: [], differences: [] })
    },
  )

  check('a volume in a drive that nobody uses is ejected; one that a job has is not', async (fixture) => {
    const { devices, media, mounts } = fixture
    const mounted = await mounts.mount(wanting('A00001'))
    await assert.rejects(devices.eject({ volumeId: 'A00001' }), isError('state-conflict'))
    await mounted.unmount()
    await devices.eject({ volumeId: 'A00001' })
    assert.deepEqual(places(await volumeOf(media, 'A00001')), [undefined, undefined])
    const drives = await collect(media.drives({}))
    assert.deepEqual(
      drives.map(({ loadedVolume }) => loadedVolume),
      [undefined, undefined],
    )
    const need = { kind: 'read', storageUnit: 'tape1', volumeId: 'A00002' } as const
    await media.allocate({ allocationId: 'a', jobId: '7', need })
    await assert.rejects(devices.eject({ volumeId: 'A00002' }), isError('state-conflict', /job 7/))
    await media.release({ allocationId: 'a' })
    await devices.eject({ volumeId: 'A00002' })
  })

  check(
    'where the mail slots are full, that and what is in them is told, and the volume stays',
    async (fixture) => {
      const { devices, media } = fixture
      for (const volumeId of ['A00001', 'A00002']) await devices.eject({ volumeId })
      await assert.rejects(
        devices.eject({ volumeId: 'A00003' }),
        isError('element-full', /A00001L8.*A00002L8/),
      )
      assert.deepEqual(places(await volumeOf(media, 'A00003')), [robot, 3])
    },
  )

  check('what can not be taken in is left in its mail slot, and told', async (fixture) => {
    const { devices, media } = fixture
    for (const [barcode, mailSlot] of [
      ['B00001L8', 1],
      ['B00002L8', 2],
    ] as const)
      await fixture.putIntoMail(barcode, mailSlot)
    await devices.inject({ robot })
    for (const [barcode, mailSlot] of [
      ['B00003L8', 1],
      ['B00004L8', 2],
    ] as const)
      await fixture.putIntoMail(barcode, mailSlot)
    const { injected, left } = await devices.inject({ robot })
    assert.deepEqual(injected, [])
    assert.deepEqual(
      left.map(({ mailSlot, barcode }) => [mailSlot, barcode]),
      [
        [1, 'B00003L8'],
        [2, 'B00004L8'],
      ],
    )
    assert.deepEqual(await collect(media.volumes({ volumeId: 'B00003' })), [])
  })
}

function labels(check: Check): void {
  check('a blank volume is labelled in a drive that is free, and goes home', async ({ devices, media }) => {
    const { volumeId, drive, generation } = await devices.label({ volumeId: 'A00003' })
    assert.deepEqual([volumeId, drive], ['A00003', 'drive1'])
    const volume = await volumeOf(media, 'A00003')
    assert.equal(volume.generation, generation)
    assert.deepEqual(places(volume), [robot, 3])
    const again = await devices.label({ volumeId: 'A00003', drive: 'drive2' })
    assert.equal(again.drive, 'drive2')
    assert.notEqual(again.generation, generation)
  })

  check('under images, and while a job has it, a volume is not labelled', async (fixture) => {
    const { devices, media, mounts } = fixture
    const mounted = await mounts.mount(wanting('A00001'))
    await assert.rejects(devices.label({ volumeId: 'A00001' }), isError('state-conflict'))
    await media.assignImage({ volumeId: 'A00001', backupId: 'c_1', retentionLevel: 1 })
    await mounted.unmount()
    await assert.rejects(
      devices.label({ volumeId: 'A00001', overwrite: true }),
      isError('state-conflict', /[Ii]mages are on/),
    )
  })

  check('where no drive is free, that is told at once', async ({ devices, mounts }) => {
    const first = await mounts.mount(wanting('A00001'))
    const second = await mounts.mount({ ...wanting('A00002'), drive: 'drive2' })
    await assert.rejects(devices.label({ volumeId: 'A00003' }), isError('drive-not-ready'))
    await first.unmount()
    assert.equal((await devices.label({ volumeId: 'A00003' })).drive, 'drive1')
    await second.unmount()
  })
}

function wanting(volumeId: string) {
  return { jobId: '7', volumeId, drive: 'drive1', purpose: 'write', pool: 'NetBackup' } as const
}

const places = ({ robot: of, slot }: Volume): readonly unknown[] => [of, slot]

async function volumeOf(media: MediaManager, volumeId: string): Promise<Volume> {
  const [volume] = await collect(media.volumes({ volumeId }))
  assert.ok(volume !== undefined)
  return volume
}

const isError =
  (code: string, message = /./) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof NbError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return true
  }

import assert from 'node:assert/strict'
import {
  type ErrorCode,
  type MediaManager,
  type MountedVolume,
  NbError,
  type TapeMountRequest,
  type TapeMounts,
  type TapeRobot,
  type Volume,
} from '@nb/contracts'
import { collect } from '../collect.ts'
import { declareLacks, type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/**
 * What the suite of `TapeMounts` works on: a library with its media manager. All volumes have barcodes, lie in slots and are without images; nothing
 * is mounted.
 */
export interface TapeMountsFixture {
  readonly mounts: TapeMounts
  readonly media: MediaManager
  /** The library, as its hardware shows it. */
  readonly robot: TapeRobot
  /** Names of drives, one at least. */
  readonly drives: readonly string[]
  /** Ids of three volumes at least. */
  readonly volumes: readonly string[]
  /** Has the volumes that wait in drives for their next use taken home. */
  readonly settle: () => Promise<void>
}

/** What an implementation may be declared not to do. */
export type TapeMountsLack =
  /** It serves one drive only. */
  'two-drives'

type Check = (name: string, body: (fixture: Mounting) => Promise<void>) => void

/** The obligations of `TapeMounts`. What an implementation is declared not to do shows in the names of the tests. */
export function tapeMountsSuite(
  context: SuiteContext,
  setup: SuiteSetup<TapeMountsFixture, TapeMountsLack>,
): void {
  const lacks = declareLacks(context, setup)
  const check: Check = (name, body) =>
    void withFixture(context, setup, name, (fixture) => body(new Mounting(fixture)))
  whatIsMounted(check)
  labels(check)
  oneUser(check)
  givingUp(check)
  refusals(check)
  if (!lacks('two-drives')) severalDrives(check)
}

function whatIsMounted(check: Check): void {
  check('what is mounted is what was asked for, and is told as the hardware shows it', async (site) => {
    const [volumeId] = site.ids
    const before = await site.volume(volumeId)
    const mounted = await site.mount(volumeId)
    assert.equal(mounted.volumeId, volumeId)
    assert.equal((await mounted.drive.status()).state, 'loaded')
    await site.agrees()
    assert.equal((await site.inDrive()).volumeId, volumeId)
    const { generation, mounts, labelledAt } = await site.volume(volumeId)
    assert.equal(generation, mounted.generation)
    assert.notEqual(labelledAt, undefined)
    assert.equal(mounts, before.mounts + 1)
    await mounted.unmount()
    await site.fixture.settle()
    await site.agrees()
    assert.equal((await site.inDrive()).volumeId, undefined)
  })
  check('what was written in one mount is read in the next', async (site) => {
    const [volumeId] = site.ids
    const written = Buffer.from('written in the first mount'.repeat(100))
    const first = await site.mount(volumeId)
    await first.drive.space({ over: 'end-of-data' })
    const { position } = await first.drive.writeBlock({ data: written })
    await first.drive.writeFilemarks({ count: 1 })
    await first.unmount()
    await site.fixture.settle()
    const second = await site.mount(volumeId, 'read')
    assert.equal(second.generation, first.generation)
    await second.drive.locate({ object: position.object - 1 })
    const target = Buffer.alloc(written.length)
    const read = await second.drive.readBlock({ target })
    assert.deepEqual([read.kind, target], ['block', written])
    await second.unmount()
  })
  check('a drive that holds another volume gives it back first', async (site) => {
    const [one, other] = site.ids
    await (await site.mount(one)).unmount()
    const mounted = await site.mount(other)
    assert.equal((await site.inDrive()).volumeId, other)
    await site.agrees()
    await mounted.unmount()
  })
}

function labels(check: Check): void {
  check('a volume with images keeps its generation', async (site) => {
    const [volumeId] = site.ids
    const first = await site.mount(volumeId)
    await site.assign(volumeId, 'c_1')
    await first.unmount()
    await site.fixture.settle()
    for (const purpose of ['read', 'write'] as const) {
      const again = await site.mount(volumeId, purpose)
      assert.equal(again.generation, first.generation)
      await again.unmount()
    }
  })
  check('an expired volume is labelled anew before it is written to, and only then', async (site) => {
    const [volumeId] = site.ids
    const first = await site.mount(volumeId)
    await site.assign(volumeId, 'c_1')
    await first.unmount()
    await site.fixture.media.unassignImage({ backupId: 'c_1' })
    const read = await site.mount(volumeId, 'read')
    assert.equal(read.generation, first.generation)
    await read.unmount()
    const write = await site.mount(volumeId)
    assert.notEqual(write.generation, first.generation)
    assert.equal((await site.volume(volumeId)).generation, write.generation)
    await write.unmount()
  })
  check('a volume whose label is not ours any more is refused, frozen, and goes home', async (site) => {
    const [volumeId, other] = site.ids
    const mounted = await site.mount(volumeId)
    await site.assign(volumeId, 'c_1')
    await mounted.drive.rewind()
    await mounted.drive.writeBlock({ data: Buffer.from('VOL1THEIRS'.padEnd(80)) })
    await mounted.drive.writeFilemarks({ count: 1 })
    await mounted.unmount()
    await site.fixture.settle()
    for (const purpose of ['read', 'write'] as const)
      await rejects(site.mount(volumeId, purpose), 'media-open-failed', { retryable: false, frozen: true })
    assert.equal((await site.volume(volumeId)).state, 'frozen')
    const next = await site.mount(other)
    await site.agrees()
    await next.unmount()
  })
}

function oneUser(check: Check): void {
  check('a drive has one user at a time, in the order of asking', async (site) => {
    const [one, two, three] = site.ids
    const first = await site.mount(one)
    const order: string[] = []
    const next = async (volumeId: string): Promise<void> => {
      const mounted = await site.mount(volumeId)
      order.push(`${volumeId} has it`)
      assert.equal((await site.inDrive()).volumeId, volumeId)
      order.push(`${volumeId} gives it back`)
      await mounted.unmount()
    }
    const rest = [next(two), next(three), next(one)]
    await turns()
    assert.deepEqual(order, [])
    await first.unmount()
    await Promise.all(rest)
    assert.deepEqual(
      order,
      [two, three, one].flatMap((volumeId) => [`${volumeId} has it`, `${volumeId} gives it back`]),
    )
  })
  check('unmounting twice gives back only what was one’s own', async (site) => {
    const [one, two] = site.ids
    const first = await site.mount(one)
    await first.unmount()
    const second = await site.mount(two)
    await first.unmount()
    let isMounted = false
    const third = site.mount(one).then((mounted) => {
      isMounted = true
      return mounted
    })
    await turns()
    assert.equal(isMounted, false)
    await second.unmount()
    await (await third).unmount()
  })
  check('a drive is given back whatever state it is in', async (site) => {
    const [one, two] = site.ids
    const first = await site.mount(one)
    await first.drive.unload()
    await first.unmount()
    const second = await site.mount(two)
    assert.equal((await site.inDrive()).volumeId, two)
    await second.unmount()
    const third = await site.mount(one)
    assert.equal((await third.drive.status()).state, 'loaded')
    await third.unmount()
    await site.fixture.settle()
    await site.agrees()
  })
}

function givingUp(check: Check): void {
  check('who gives up waiting holds nobody up', async (site) => {
    const [one, two, three] = site.ids
    const first = await site.mount(one)
    const abort = new AbortController()
    const gone = site.mount(two, 'write', { signal: abort.signal })
    const next = site.mount(three)
    abort.abort()
    await assert.rejects(gone, { name: 'AbortError' })
    await first.unmount()
    const mounted = await next
    assert.equal((await site.inDrive()).volumeId, three)
    await mounted.unmount()
  })
  check('aborted before it began, nothing moves', async (site) => {
    const [one] = site.ids
    const before = await site.fixture.robot.inventory()
    await assert.rejects(site.mount(one, 'write', { signal: AbortSignal.abort() }), { name: 'AbortError' })
    assert.deepEqual(await site.fixture.robot.inventory(), before)
  })
  check(
    'aborted while it moves, the drive is free afterwards, and places are told as they are',
    async (site) => {
      const [one, two] = site.ids
      for (const after of [1, 3, 10, 30]) {
        const abort = new AbortController()
        const mounting = site.mount(one, 'write', { signal: abort.signal })
        for (let turn = 0; turn < after; turn++) await turns()
        abort.abort()
        // Whether it had come to its end before, nobody knows.
        const [ended] = await Promise.allSettled([mounting])
        if (ended.status === 'fulfilled') await ended.value.unmount()
        else assert.equal((ended.reason as Error).name, 'AbortError')
        await (await site.mount(two)).unmount()
        await site.fixture.settle()
        await site.agrees()
      }
    },
  )
}

function refusals(check: Check): void {
  check('a drive and a volume that nobody knows are told', async (site) => {
    const [one] = site.ids
    await rejects(site.mount(one, 'write', {}, 'no-such-drive'), 'not-found')
    await rejects(site.mount('NONE99'), 'not-found')
  })
  check('a volume that is not in the library is told, and its place is forgotten', async (site) => {
    const [one] = site.ids
    const known = await site.volume(one)
    await site.fixture.media.putVolume({ ...known, volumeId: 'AWAY01', barcode: 'AWAY01L8' })
    await rejects(site.mount('AWAY01'), 'media-open-failed', { retryable: false })
    const { robot, slot } = await site.volume('AWAY01')
    assert.deepEqual([robot, slot], [undefined, undefined])
    const mounted = await site.mount(one)
    await mounted.unmount()
  })
}

function severalDrives(check: Check): void {
  check('two drives have two volumes at once, and a volume goes from one to the other', async (site) => {
    const [one, two] = site.ids
    const [, second] = site.fixture.drives
    const first = await site.mount(one)
    const other = await site.mount(two, 'write', {}, second)
    await site.agrees()
    await rejects(site.mount(one, 'read', {}, second === undefined ? '' : second, other), 'drive-not-ready')
    await first.unmount()
    const moved = await site.mount(one, 'read', {}, second)
    assert.equal(moved.generation, first.generation)
    assert.equal((await site.inDrive(1)).volumeId, one)
    assert.equal((await site.inDrive(0)).volumeId, undefined)
    await site.agrees()
    await moved.unmount()
  })
}

/** What the checks do with a fixture. */
class Mounting {
  readonly fixture: TapeMountsFixture

  constructor(fixture: TapeMountsFixture) {
    this.fixture = fixture
  }

  get ids(): readonly [string, string, string] {
    const [one, two, three] = this.fixture.volumes
    assert.ok(one !== undefined && two !== undefined && three !== undefined, 'there are three volumes')
    return [one, two, three]
  }

  /** Mounts in the first drive; `after` gives its drive back as soon as this one waits. */
  async mount(
    volumeId: string,
    purpose: TapeMountRequest['purpose'] = 'write',
    options: { readonly signal?: AbortSignal } = {},
    drive = this.fixture.drives[0] ?? '',
    after?: MountedVolume,
  ): Promise<MountedVolume> {
    const { mounts } = this.fixture
    const mounting = mounts.mount({ jobId: '7', volumeId, drive, purpose, pool: 'NetBackup' }, options)
    if (after === undefined) return await mounting
    const [mounted] = await Promise.all([mounting, after.unmount()])
    return mounted
  }

  async volume(volumeId: string): Promise<Volume> {
    const [volume] = await collect(this.fixture.media.volumes({ volumeId }))
    assert.ok(volume !== undefined, `volume ${volumeId} is known`)
    return volume
  }

  async assign(volumeId: string, backupId: string): Promise<void> {
    await this.fixture.media.assignImage({ volumeId, backupId, retentionLevel: 1 })
  }

  /** What the hardware shows in a drive. */
  async inDrive(index = 0): Promise<{ readonly volumeId?: string }> {
    const element = (await this.fixture.robot.inventory()).find(
      ({ drive }) => drive === this.fixture.drives[index],
    )
    const volumes = await collect(this.fixture.media.volumes({}))
    const volume = volumes.find(
      ({ barcode }) => element?.barcode !== undefined && barcode === element.barcode,
    )
    return volume === undefined ? {} : { volumeId: volume.volumeId }
  }

  /** What the media manager says of drives and slots is what the hardware shows. */
  async agrees(): Promise<void> {
    const { media, robot } = this.fixture
    const inventory = await robot.inventory()
    const volumes = await collect(media.volumes({}))
    for (const { name, loadedVolume } of await collect(media.drives({}))) {
      const element = inventory.find(({ drive }) => drive === name)
      if (element === undefined) continue
      const shown = volumes.find(
        ({ barcode }) => element.barcode !== undefined && barcode === element.barcode,
      )
      assert.equal(loadedVolume, shown?.volumeId, `what is told of drive ${name}`)
    }
    for (const { place, barcode } of inventory) {
      const volume = volumes.find((one) => barcode !== undefined && one.barcode === barcode)
      if (place.kind === 'slot' && volume !== undefined)
        assert.equal(volume.slot, place.number, `what is told of volume ${volume.volumeId}`)
    }
  }
}

/** Lets everything happen that waits for nothing from outside. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

async function rejects(
  call: Promise<unknown>,
  code: ErrorCode,
  { retryable, frozen }: { readonly retryable?: boolean; readonly frozen?: boolean } = {},
): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NbError, `an NbError ${code}, not ${String(error)}`)
    assert.equal(error.code, code, error.message)
    if (retryable !== undefined) assert.equal(error.retryable, retryable)
    if (frozen !== undefined) assert.equal(error.details['frozen'], frozen)
    return true
  })
}

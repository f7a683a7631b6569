import assert from 'node:assert/strict'
import { type MountedVolume, NbError } from '@nb/contracts'
import { decodeTapeVolume } from '@nb/formats'
import { collect, driven, numberSetting } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import {
  type CartridgeStore,
  type DeviceManager,
  type EmulatorFault,
  memoryCartridges,
} from '../../src/index.ts'
import { deviceRig, type DeviceRig, wanting } from './device-rig.ts'

const volumeIds = ['A00001', 'A00002', 'A00003', 'A00004'] as const
const drives = ['drive1', 'drive2'] as const
const cleaner = 'CLN001L1'

/** Ordinary runs are few: each is a library of its own. */
const numRuns = process.env['NB_LONG'] === '1' ? 2000 : 40
if (numRuns > 40) t.setTimeout(1_200_000)
const seed = numberSetting('NB_SEED', 20_260_101)

/** A job of a history. */
interface Job {
  readonly volumeId: string
  readonly drive: string
  readonly purpose: 'read' | 'write'
  readonly afterMs: number
  readonly usesMs: number
  readonly givesUpMs: number | null
  /** What it wrote is an image that is kept. */
  readonly keeps: boolean
}

const job: fc.Arbitrary<Job> = fc.record({
  volumeId: fc.constantFrom(...volumeIds),
  drive: fc.constantFrom(...drives),
  purpose: fc.constantFrom('read' as const, 'write' as const),
  afterMs: fc.nat(400_000),
  usesMs: fc.nat(300_000),
  // Most of what happens within a mount takes no time: those that give up at once do so at any of its awaits.
  givesUpMs: fc.option(fc.oneof(fc.constant(0), fc.nat(200_000)), { freq: 4 }),
  keeps: fc.boolean(),
})
const fault: fc.Arbitrary<EmulatorFault> = fc.oneof(
  fc.record({
    unit: fc.constantFrom(...drives),
    command: fc.constant('load-unload' as const),
    effect: fc.constantFrom('load-failed' as const, 'drive-failed' as const),
    occurrence: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({
    unit: fc.constantFrom(...drives),
    command: fc.constantFrom('read-6' as const, 'write-6' as const),
    effect: fc.constant('cleaning-needed' as const),
    occurrence: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({
    unit: fc.constant('changer'),
    command: fc.constant('move-medium' as const),
    effect: fc.constantFrom('robot-jam' as const, 'wrong-slot' as const),
    occurrence: fc.integer({ min: 1, max: 8 }),
  }),
  fc.record({
    unit: fc.constantFrom('changer', ...drives),
    effect: fc.constant('transport-lost' as const),
    ran: fc.boolean(),
    occurrence: fc.integer({ min: 1, max: 60 }),
  }),
  fc.record({
    unit: fc.constantFrom('changer', ...drives),
    effect: fc.constant('power-lost' as const),
    occurrence: fc.integer({ min: 1, max: 60 }),
  }),
)
/** What happens beside the jobs. */
const event = fc.record({
  afterMs: fc.nat(600_000),
  what: fc.oneof(
    fc.constant({ kind: 'crash' as const }),
    fc.constant({ kind: 'power' as const }),
    fc.record({
      kind: fc.constant('swap' as const),
      slot: fc.integer({ min: 1, max: 6 }),
      with: fc.integer({ min: 1, max: 6 }),
    }),
  ),
})

/** How a mount may end where devices fail or others have the volume; anything else is a mistake. */
const expected: readonly string[] = [
  'media-open-failed',
  'drive-not-ready',
  'robot-failed',
  'robot-not-ready',
  'element-full',
]

/** A site whose device manager may die. */
class Site {
  readonly rig: DeviceRig
  devices: DeviceManager
  readonly users: Set<string> = new Set()
  #ready: Promise<void> = Promise.resolve()
  #died!: (how: Error) => void
  #death!: Promise<never>
  #images = 0
  readonly met: Map<string, number>

  constructor(rig: DeviceRig, met: Map<string, number>) {
    this.rig = rig
    this.met = met
    this.devices = rig.devices
    this.#live()
  }

  #live(): void {
    this.#death = new Promise((_, reject) => (this.#died = reject))
    this.#death.catch(() => undefined)
  }

  crash(): void {
    this.users.clear()
    this.#died(new Died())
    this.#live()
    this.devices = this.rig.crash()
    this.#ready = this.devices.start()
    this.#ready.catch(() => undefined)
    this.#count('crash')
  }

  #count(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1)
  }

  /** A job: it waits, mounts, uses what it got, and gives it back. */
  async run(one: Job): Promise<void> {
    const { clock } = this.rig
    await clock.sleep(one.afterMs)
    try {
      await Promise.race([this.#mountAndUse(one), this.#death])
    } catch (error) {
      if (!(error instanceof Died)) throw error
    }
  }

  async #mountAndUse(one: Job): Promise<void> {
    await this.#ready
    const { clock, media } = this.rig
    const abort = new AbortController()
    const cancel = one.givesUpMs === null ? undefined : clock.setTimer(one.givesUpMs, () => abort.abort())
    let mounted: MountedVolume
    try {
      mounted = await this.devices.mount(wanting(one.volumeId, one.drive, one.purpose), {
        signal: abort.signal,
      })
    } catch (error) {
      if (error === abort.signal.reason) return
      const code = error instanceof NbError ? error.code : ''
      assert.ok(expected.includes(code), error instanceof Error ? error.stack : String(error))
      this.#count(code)
      return
    } finally {
      cancel?.()
    }
    this.#count('mounted')
    assert.ok(!this.users.has(one.drive), `${one.drive} has two users`)
    assert.equal(mounted.volumeId, one.volumeId)
    this.users.add(one.drive)
    try {
      if (one.purpose === 'write') {
        await mounted.drive.space({ over: 'end-of-data' })
        await mounted.drive.writeBlock({ data: markOf(mounted) })
        await mounted.drive.writeFilemarks({ count: 1 })
        this.#count('written')
        const backupId = `client_${++this.#images}`
        if (one.keeps) await media.assignImage({ volumeId: one.volumeId, backupId, retentionLevel: 1 })
      }
    } catch (error) {
      assert.ok(error instanceof NbError && error.code !== 'internal', String(error))
      this.#count(error.code)
    }
    await clock.sleep(one.usesMs)
    this.users.delete(one.drive)
    await mounted.unmount()
  }

  /** Whoever looks after the library: a robot that is stuck is freed, a drive that is down is switched off and on. */
  async lookAfter(): Promise<void> {
    await this.rig.library.operator.freeRobot()
    for (const drive of [1, 2])
      if ((await this.rig.drive(`drive${drive}`)).state === 'down')
        await this.rig.library.operator.restartDrive({ drive })
  }

  /** Somebody has the robot look at all its places: what the media manager says is what is there then, and no cartridge is lost. */
  async agrees(): Promise<void> {
    const { robot, media, clock } = this.rig
    await this.#ready
    // What is left of the plan may take something down again while it is taken out.
    for (let minute = 0; minute < 12; minute++) {
      await clock.advance(60_000)
      await this.lookAfter()
      if (minute === 6) await driven(clock, this.devices.unloadIdle())
    }
    // What is left of the plan may come about only now.
    const stubbornly = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work()
        } catch (error) {
          if (!(error instanceof NbError) || attempt > 4) throw error
          await this.lookAfter()
        }
      }
    }
    await stubbornly(() => robot.initialize())
    const inventory = await stubbornly(() => robot.inventory())
    assert.deepEqual(inventory.flatMap(({ barcode }) => barcode ?? []).toSorted(), [
      ...volumeIds.map((volumeId) => `${volumeId}L8`),
      cleaner,
    ])
    await stubbornly(() => this.devices.updateInventory({ robot: 'robot1' }))
    const inDrives = Object.fromEntries(
      inventory.flatMap(({ drive, barcode }) =>
        // Who died while it was cleaned has left the cartridge there: it is no volume.
        drive === undefined || barcode === cleaner ? [] : [[drive, barcode]],
      ),
    )
    for (const { name, loadedVolume } of await collect(media.drives({})))
      assert.equal(loadedVolume === undefined ? undefined : `${loadedVolume}L8`, inDrives[name], name)
    const { differences } = await stubbornly(() => this.devices.inventory({ robot: 'robot1' }))
    assert.deepEqual(differences, [])
  }
}

class Died extends Error {}

const markOf = ({ volumeId, generation }: MountedVolume): Buffer =>
  Buffer.from(`JOB ${volumeId} ${generation}`)

/** All that jobs wrote stands behind the label that they were told of. Gives how much it is. */
async function writtenWhereProven(store: CartridgeStore): Promise<number> {
  let marks = 0
  for (const volumeId of volumeIds) {
    const tape = await store.open(`${volumeId}L8`)
    const blocks: Buffer[] = []
    for (let at = 0; at < tape.index.objects; at++) blocks.push(Buffer.from((await tape.read(at)) ?? []))
    const written = blocks.filter((block) => block.subarray(0, 4).toString() === 'JOB ')
    if (written.length === 0) continue
    const label = decodeTapeVolume(blocks[1] as Buffer)
    for (const block of written)
      assert.equal(block.toString(), `JOB ${label.volume} ${label.generation}`, `on ${volumeId}L8`)
    marks += written.length
  }
  return marks
}

t.test(
  'jobs at random, devices that fail, people who meddle, a manager that dies: one user a drive, what is written stands where it was proven to',
  async (t) => {
    const met = new Map<string, number>()
    let happened = 0
    let marks = 0
    let cleanings = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { minLength: 2, maxLength: 10 }),
        fc.array(fault, { maxLength: 3 }),
        fc.array(event, { maxLength: 3 }),
        async (jobs, faults, events) => {
          const store = memoryCartridges()
          const library = {
            slots: 7,
            volumes: [...volumeIds.map((id) => `${id}L8`), { name: cleaner, kind: 'cleaning' as const }],
          }
          const rig = await deviceRig({
            unmountDelayMs: 60_000,
            reservationKey: 1n,
            store,
            settleTurns: 2,
            library,
          })
          const site = new Site(rig, met)
          for (const one of faults) rig.library.faults.add(one)
          for (const { afterMs, what } of events)
            rig.clock.setTimer(afterMs, () => {
              if (what.kind === 'crash') site.crash()
              else if (what.kind === 'power') void rig.library.losePower()
              else void rig.library.operator.swapSlots(what)
            })
          let isDone = false
          const all = Promise.all(jobs.map((one) => site.run(one))).finally(() => (isDone = true))
          all.catch(() => undefined)
          for (let minute = 0; !isDone && minute < 120; minute++) {
            await rig.clock.advance(60_000)
            await site.lookAfter()
          }
          assert.ok(isDone, 'jobs wait for ever')
          await all
          happened += faults.length - rig.library.faults.pending.length
          await site.agrees()
          marks += await writtenWhereProven(store)
          cleanings += 50 - (rig.library.volume(cleaner).cleaningsLeft ?? 0)
          assert.deepEqual(rig.library.failures, [])
        },
      ),
      { numRuns, seed },
    )
    t.ok(happened > 0 && marks > happened, `${happened} faults happened, ${marks} blocks stand behind labels`)
    t.ok(cleanings > 0, `drives were cleaned ${cleanings} times`)
    t.comment(`seed ${seed}: ${[...met].map(([code, times]) => `${code} ${times}`).join(', ')}`)
  },
)

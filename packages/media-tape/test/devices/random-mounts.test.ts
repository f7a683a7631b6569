import assert from 'node:assert/strict'
import { type MountedVolume, NbError } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { deviceRig, type DeviceRig, wanting } from './device-rig.ts'

const volumeIds = ['A00001', 'A00002', 'A00003', 'A00004'] as const
const drives = ['drive1', 'drive2'] as const
/** Ordinary runs are few: each is a library of its own. */
const numRuns = process.env['NB_LONG'] === '1' ? 200 : 12
const seed = Number(process.env['NB_SEED'] ?? 20_260_101)

/** A job of a history. */
interface Job {
  readonly volumeId: string
  readonly drive: string
  readonly purpose: 'read' | 'write'
  readonly afterMs: number
  readonly usesMs: number
  readonly givesUpMs: number | null
}

const job: fc.Arbitrary<Job> = fc.record({
  volumeId: fc.constantFrom(...volumeIds),
  drive: fc.constantFrom(...drives),
  purpose: fc.constantFrom('read' as const, 'write' as const),
  afterMs: fc.nat(400_000),
  usesMs: fc.nat(300_000),
  givesUpMs: fc.option(fc.nat(200_000), { freq: 4 }),
})
const fault = fc.oneof(
  fc.record({
    unit: fc.constantFrom(...drives),
    command: fc.constant('load-unload' as const),
    effect: fc.constantFrom('load-failed' as const, 'drive-failed' as const),
    occurrence: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({
    unit: fc.constant('changer'),
    command: fc.constant('move-medium' as const),
    effect: fc.constant('robot-jam' as const),
    occurrence: fc.integer({ min: 1, max: 8 }),
  }),
)

/** How a mount may end where devices fail or others have the volume; anything else is a mistake. */
const expected: readonly string[] = [
  'media-open-failed',
  'drive-not-ready',
  'robot-failed',
  'robot-not-ready',
  'element-full',
]

/** A job: it waits, mounts, uses what it got, and gives it back. */
async function run(rig: DeviceRig, users: Set<string>, one: Job): Promise<void> {
  const { clock } = rig
  await clock.sleep(one.afterMs)
  const abort = new AbortController()
  const cancel = one.givesUpMs === null ? undefined : clock.setTimer(one.givesUpMs, () => abort.abort())
  let mounted: MountedVolume
  try {
    mounted = await rig.devices.mount(wanting(one.volumeId, one.drive, one.purpose), { signal: abort.signal })
  } catch (error) {
    const isExpected = error instanceof NbError && expected.includes(error.code)
    assert.ok(isExpected || (error === abort.signal.reason && abort.signal.aborted), String(error))
    return
  } finally {
    cancel?.()
  }
  assert.ok(!users.has(one.drive), `${one.drive} has two users`)
  assert.equal(mounted.volumeId, one.volumeId)
  assert.equal((await rig.inDrives())[one.drive], `${one.volumeId}L8`)
  users.add(one.drive)
  await clock.sleep(one.usesMs)
  users.delete(one.drive)
  await mounted.unmount()
}

/** What the media manager says is what the robot has. */
async function agrees(rig: DeviceRig): Promise<void> {
  const inDrives = await rig.inDrives()
  for (const { name, loadedVolume } of await collect(rig.media.drives({})))
    assert.equal(loadedVolume === undefined ? undefined : `${loadedVolume}L8`, inDrives[name], name)
  const differences = (await rig.devices.inventory({ robot: 'robot1' })).differences
  assert.deepEqual(differences, [])
}

t.test(
  'jobs at random, devices that fail: one user a drive, and what is told is what is there',
  async (t) => {
    let happened = 0
    let used = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(job, { minLength: 2, maxLength: 12 }),
        fc.array(fault, { maxLength: 3 }),
        async (jobs, faults) => {
          const rig = await deviceRig({ unmountDelayMs: 60_000 })
          for (const one of faults) rig.library.faults.add(one)
          const users = new Set<string>()
          let isDone = false
          const all = Promise.all(jobs.map((one) => run(rig, users, one))).finally(() => (isDone = true))
          // Whoever looks after the library: a robot that is stuck is freed, a drive that broke is switched off and on.
          for (let minute = 0; !isDone && minute < 120; minute++) {
            await rig.clock.advance(60_000)
            await rig.library.operator.freeRobot()
            for (const drive of [1, 2])
              if ((await rig.drive(`drive${drive}`)).state === 'down')
                await rig.library.operator.restartDrive({ drive })
          }
          assert.ok(isDone, 'jobs wait for ever')
          await all
          for (let minute = 0; minute < 4; minute++) await rig.clock.advance(60_000)
          await rig.devices.unloadIdle()
          await agrees(rig)
          happened += faults.length - rig.library.faults.pending.length
          used += (await collect(rig.media.volumes({}))).reduce((sum, { mounts }) => sum + mounts, 0)
        },
      ),
      { numRuns, seed },
    )
    t.ok(happened > 0 && used > happened, `${happened} faults happened, ${used} mounts were told`)
  },
)

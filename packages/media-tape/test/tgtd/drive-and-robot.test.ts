import { type LibraryPlace, systemClock } from '@nb/contracts'
import { tapeDriveSuite, tapeRobotSuite } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { createIscsiSession, type IscsiSession } from '../../src/index.ts'
import type { ScsiTapeDrive } from '../../src/ssc/scsi-drive-types.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import { type DriveQuirks, tgtDriveQuirks } from '../../src/ssc/drive-quirks.ts'
import { createScsiTapeRobot, type ScsiTapeRobot } from '../../src/smc/scsi-tape-robot.ts'
import { startTgtd, type TgtdLibrary, tgtdMissing } from './tgtd.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

const clock = systemClock()
const slot = (number: number): LibraryPlace => ({ kind: 'slot', number })
const mouth = (number: number): LibraryPlace => ({ kind: 'drive', number })
// The script gives the drives a name of ours, so that the quirks are not known by it.
const quirks: DriveQuirks = tgtDriveQuirks

interface Rig {
  readonly library: TgtdLibrary
  readonly session: IscsiSession
  readonly robot: ScsiTapeRobot
  readonly drives: readonly ScsiTapeDrive[]
}

async function rig(t: Test, options: Readonly<Record<string, number>> = {}): Promise<Rig> {
  const library = await startTgtd({ tape_mb: 64, ...options })
  const { portal, target } = library
  const session = createIscsiSession(
    { clock },
    { portal, target, initiatorName: 'iqn.2026-11.example.test:me' },
  )
  t.teardown(async () => {
    await session.close()
    await library.remove()
  })
  const named = [1, 2].map((number) => ({ name: `drive${number}`, serial: `NBDRV0000${number}` }))
  const drives = named.map(({ name }, index) =>
    createScsiTapeDrive({ transport: session.unit(index + 1), clock }, { name, quirks }),
  )
  return {
    library,
    session,
    drives,
    robot: createScsiTapeRobot({ transport: session.unit(3), clock }, { drives: named }),
  }
}

t.test('a drive of tgtd', { skip: tgtdMissing }, async (t) => {
  const { robot, drives } = await rig(t, { slots: 24, tapes: 24, tape_mb: 16 })
  const [drive] = drives as [ScsiTapeDrive]
  t.comment(`quirks: ${(await drive.identity()).quirks.join('; ')}`)
  let volume = 0
  tapeDriveSuite(
    { test: (name, run) => t.test(name, run) },
    {
      setup: async () => {
        volume += 1
        await robot.move({ from: slot(volume), to: mouth(1) })
        await drive.load()
        return { drive, capacityBytes: 16 << 20 }
      },
      teardown: async () => {
        await drive.unload()
        await robot.move({ from: mouth(1), to: slot(volume) })
      },
      unsupported: ['hard-end', 'early-warning', 'file-numbers', 'write-protect', 'encryption'],
    },
    { histories: process.env['NB_LONG'] === '1' ? 500 : 10 },
  )
})

t.test('the robot of tgtd', { skip: tgtdMissing }, async (t) => {
  const { robot, drives } = await rig(t, { tapes: 6 })
  t.match(await robot.identity(), {
    vendor: 'NB',
    product: 'VLIB',
    places: { slot: 8, drive: 2, 'import-export': 2 },
    exchanges: false,
  })
  tapeRobotSuite(
    { test: (name, run) => t.test(name, run) },
    { setup: async () => ({ robot, drives }), teardown: async () => undefined },
  )
  t.test('exchanging is not offered', async (t) => {
    await t.rejects(robot.exchange({ from: slot(1), to: slot(2), back: slot(8) }), { code: 'not-supported' })
  })
})

t.test('past its capacity a volume of tgtd warns with each block', { skip: tgtdMissing }, async (t) => {
  const { robot, drives } = await rig(t, { tapes: 1, small_mb: 1 })
  const [drive] = drives as [ScsiTapeDrive]
  await robot.move({ from: slot(1), to: mouth(1) })
  await drive.load()
  const data = new Uint8Array(256 * 1024).fill(7)
  const warnings: boolean[] = []
  for (let block = 0; block < 6; block++) {
    const { written, position } = await drive.writeBlock({ data })
    t.ok(written)
    warnings.push(position.earlyWarning)
  }
  t.same(warnings, [false, false, false, true, true, true])
  await drive.rewind()
  t.equal((await drive.space({ over: 'end-of-data' })).position.object, 6)
})

t.test(
  'the target dies between commands, and under them: nothing is written twice or lost',
  { skip: tgtdMissing },
  async (t) => {
    const { library, robot, drives } = await rig(t, { tapes: 2 })
    const [drive] = drives as [ScsiTapeDrive]
    await robot.move({ from: slot(1), to: mouth(1) })
    await drive.load()
    const block = (value: number) => ({ data: new Uint8Array(5000 + value).fill(value) })
    const safe: number[] = []
    const write = async (value: number): Promise<void> => {
      await drive.writeBlock(block(value))
      safe.push(value)
    }
    await write(1)
    await write(2)
    await drive.writeFilemarks({ count: 0 })
    for (const round of [3, 4, 5]) {
      const dying = library.stop()
      // Whether it comes before or after the death of the target: the write says so, or its end is not known.
      const [ended] = await Promise.allSettled([drive.writeBlock(block(round)), dying])
      await library.start()
      // A library that starts anew has its volumes in the slots.
      await robot.inventory()
      await robot.move({ from: slot(1), to: mouth(1) })
      await drive.load()
      const recorded: number[] = []
      const target = new Uint8Array(10_000)
      for (
        let read = await drive.readBlock({ target });
        read.kind === 'block';
        read = await drive.readBlock({ target })
      ) {
        const [value = 0] = target
        t.equal(read.blockBytes, 5000 + value)
        recorded.push(value)
      }
      t.same(recorded.slice(0, safe.length), safe, 'what was waited for is there, once and in order')
      t.ok(recorded.length <= safe.length + 1)
      if (ended.status === 'fulfilled') t.equal(recorded.length, safe.length + 1)
      if (recorded.length > safe.length) {
        t.equal(recorded.at(-1), round)
        safe.push(round)
      }
      await drive.writeFilemarks({ count: 0 })
    }
  },
)

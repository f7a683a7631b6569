import type { ScsiTransport } from '@nb/contracts'
import {
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  findUnits,
  type TapeEmulatorOptions,
} from '@nb/media-tape'
import { createVirtualClock, driven } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { describeSurvey } from '../src/report.ts'
import { survey } from '../src/survey.ts'

const clock = createVirtualClock()

/** An emulated library, with its units behind one session. */
async function rig(t: Test, options: Partial<TapeEmulatorOptions> = {}) {
  const library = createTapeEmulator({ clock }, { slots: 3, drives: 2, capacityBytes: 1_000_000, ...options })
  await library.start()
  t.teardown(() => library.stop())
  const unit = (lun: number, host = 'looks'): ScsiTransport =>
    library.transport(lun === 0 ? 'changer' : `drive${lun}`, host)
  // Looking is done as a host of its own, by units 0 (the robot) to 2.
  const found = await driven(clock, findUnits({ unitOf: (lun) => unit(lun), clock }))
  const units = found.map((one) => ({ ...one, name: `LUN ${one.lun}`, transport: unit(one.lun) }))
  return { unit, group: { name: 'iscsi://h:1/iqn.x', units, close: async () => undefined } }
}

t.test('a volume that nobody may write to, its format, and one without a readable barcode', async (t) => {
  const { unit, group } = await rig(t, {
    volumes: [
      { name: 'one', barcode: 'NBT001L8', writeProtected: true },
      { name: 'two', barcode: null },
    ],
  })
  const robot = createScsiTapeRobot({ transport: unit(0, 'works'), clock })
  await driven(clock, robot.inventory())
  await driven(clock, robot.move({ from: { kind: 'slot', number: 1 }, to: { kind: 'drive', number: 2 } }))
  const told = await driven(clock, survey(group, clock))
  t.same(told.failures, [])
  t.match(told.drives, [
    { lun: 1, state: 'empty', place: { robot: 'LUN 0', drive: 1 } },
    {
      ...{ lun: 2, state: 'ready', volume: 'NBT001L8', writeProtected: true },
      ...{ density: { code: 0x5e, name: /\w/ }, place: { robot: 'LUN 0', drive: 2 } },
    },
  ])
  const text = describeSurvey(told)
  t.match(text, /drive 2 +ready, write-protected +NBT001L8 +\S+ \(5Eh\)$/m)
  t.match(text, /^ {2}drive 2 +NBT001L8 +from slot 1$/m)
  t.match(text, /^ {2}slot 2 +\(no readable barcode\)$/m)
  t.match(text, /^ {2}empty: 1 drive, 2 slots, 2 mail slots$/m)
})

t.test('a drive that another host has reserved is listed, and the failure told', async (t) => {
  const { unit, group } = await rig(t)
  const theirs = createScsiTapeDrive({ transport: unit(1, 'works'), clock })
  await driven(clock, theirs.reserve({ key: 7n }))
  const { drives, libraries, failures } = await driven(clock, survey(group, clock))
  t.equal(drives.length, 2)
  t.notOk('state' in (drives[0] ?? {}))
  t.equal(drives[1]?.state, 'empty')
  t.equal(libraries.length, 1)
  t.match(failures, [{ code: 'scsi-access-denied', details: { reserved: true } }])
})

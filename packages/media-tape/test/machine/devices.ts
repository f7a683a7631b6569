import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type LibraryPlace, systemClock } from '@nb/contracts'
import { tapeDriveSuite, tapeRobotSuite } from '@nb/test-kit'
import { openTapeLibrary, type OpenTapeLibrary, openUnits, type ScsiTapeDrive } from '../../src/index.ts'

// Runs in the guest: the suites of `TapeDrive` and `TapeRobot` on the generic nodes of the library that the guest's kernel has found.

const clock = systemClock()
const context = { test: (name: string, body: () => Promise<void>) => test(name, { timeout: 300_000 }, body) }
const slot = (number: number): LibraryPlace => ({ kind: 'slot', number })
const mouth: LibraryPlace = { kind: 'drive', number: 1 }
const initiatorName = 'iqn.2026-11.example.nb:machine'
/** The robot's node of its own driver, or its generic one where that is not loaded. */
const [changer = ''] = readdirSync('/sys/class/scsi_changer')
const path = `/dev/${changer}`

let library: OpenTapeLibrary
let drives: readonly ScsiTapeDrive[] = []
before(async () => {
  library = await openTapeLibrary({ clock }, { library: path, initiatorName })
  drives = library.drives.map(({ drive }) => drive)
  const nodes = library.drives.map(({ name, unit }) => `${name} ${unit.name} (${unit.serial})`)
  console.log(`# ${path} is ${library.name}; ${nodes.join(', ')}`)
})
after(() => library.close())

void test('the drives of the robot are found by its word, and a node of st is one of them', async () => {
  assert.deepEqual(
    library.drives.map(({ name, unit }) => [name, unit.serial]),
    [
      ['drive1', 'NBDRV00001'],
      ['drive2', 'NBDRV00002'],
    ],
  )
  const [st] = readdirSync('/sys/class/scsi_tape').filter((name) => /^nst\d+$/.test(name))
  const group = await openUnits({ clock }, { library: `/dev/${st}`, initiatorName })
  assert.equal(group.named?.kind, 'drive')
  assert.ok(library.drives.some(({ unit }) => unit.name === group.name))
  await group.close()
  const [bsg] = readdirSync('/sys/class/bsg').filter((name) => /^\d+(:\d+){3}$/.test(name))
  const byBsg = await openUnits({ clock }, { library: `/dev/bsg/${bsg}`, initiatorName })
  assert.match(byBsg.name, /^\/dev\/sg\d+$/)
  await byBsg.close()
})

/** The first one has a backup of the example server. */
let volume = 1
tapeDriveSuite(
  context,
  {
    setup: async () => {
      volume += 1
      const [drive] = drives
      assert.ok(drive !== undefined)
      await library.robot.robot.move({ from: slot(volume), to: mouth })
      await drive.load()
      return { drive, capacityBytes: 16 << 20 }
    },
    teardown: async ({ drive }) => {
      await drive.unload()
      await library.robot.robot.move({ from: mouth, to: slot(volume) })
    },
    // As over our own iSCSI: what tgtd lacks.
    unsupported: ['hard-end', 'early-warning', 'file-numbers', 'write-protect'],
  },
  { histories: 3 },
)

tapeRobotSuite(context, {
  setup: async () => ({ robot: library.robot.robot, drives }),
  teardown: async () => undefined,
})

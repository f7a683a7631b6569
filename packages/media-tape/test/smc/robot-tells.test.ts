import { createVirtualClock } from '@nb/test-kit'
import type { LibraryPlace, ScsiCommand, ScsiTransport } from '@nb/contracts'
import t from 'tap'
import type { EmulatorFault } from '../../src/emulator/faults/emulator-fault.ts'
import { createTapeEmulator, type TapeEmulator } from '../../src/emulator/tape-emulator.ts'
import { parseCdb } from '../../src/scsi/cdb.ts'
import { elementType } from '../../src/scsi/command-codes.ts'
import { buildSense, type SenseData } from '../../src/scsi/sense.ts'
import { createScsiTapeRobot, type ScsiTapeRobot } from '../../src/smc/scsi-tape-robot.ts'

const slot = (number: number): LibraryPlace => ({ kind: 'slot', number })
const mouth = (number: number): LibraryPlace => ({ kind: 'drive', number })
const mail = (number: number): LibraryPlace => ({ kind: 'import-export', number })

async function library(
  faults: readonly EmulatorFault[] = [],
): Promise<{ emulator: TapeEmulator; robot: ScsiTapeRobot }> {
  const clock = createVirtualClock()
  const emulator = createTapeEmulator({ clock }, { slots: 4, drives: 2, capacityBytes: 10_000, faults })
  await emulator.start()
  const drives = [
    { name: 'right', serial: 'EMUD00002' },
    { name: 'left', serial: 'EMUD00001' },
  ]
  return {
    emulator,
    robot: createScsiTapeRobot(
      { transport: emulator.transport('changer'), clock },
      { name: 'robot1', drives },
    ),
  }
}

/** The changer of a library, answering once by sense data of ours, or noting what it was asked. */
function between(transport: ScsiTransport): ScsiTransport & { answers: SenseData[]; asked: ScsiCommand[] } {
  const answers: SenseData[] = []
  const asked: ScsiCommand[] = []
  return {
    answers,
    asked,
    name: transport.name,
    queueDepth: 1,
    get nexus() {
      return transport.nexus
    },
    open: () => transport.open(),
    close: () => transport.close(),
    reset: () => transport.reset(),
    execute: async (command) => {
      asked.push(command)
      const moves = parseCdb(command.cdb, 'changer').command === 'move-medium'
      const sense = moves ? answers.shift() : undefined
      if (sense === undefined) return transport.execute(command)
      return { status: 2, sense: buildSense(sense), dataInBytes: 0, dataOutBytes: 0 }
    },
  }
}

t.test('drives are known by their serial numbers, not by their order', async (t) => {
  const { emulator, robot } = await library()
  t.match(await robot.inventory(), [
    { place: mouth(1), drive: 'left' },
    { place: mouth(2), drive: 'right' },
  ])
  t.match(await robot.identity(), {
    vendor: 'NB',
    product: 'EMULATED-LIB',
    serial: 'EMUL00001',
    places: { slot: 4, drive: 2, 'import-export': 2 },
    exchanges: true,
  })
  await emulator.stop()
})

t.test('elements are asked for by type, never all types at once', async (t) => {
  const { emulator } = await library()
  const transport = between(emulator.transport('changer'))
  await createScsiTapeRobot({ transport, clock: createVirtualClock() }).inventory()
  const types = transport.asked.flatMap(({ cdb }) => {
    const parsed = parseCdb(cdb, 'changer')
    return parsed.command === 'read-element-status' ? [parsed.elementType] : []
  })
  t.same(types, [elementType.drive, elementType.storage, elementType.importExport])
  await emulator.stop()
})

t.test('after somebody put a volume in, nothing moves before another inventory', async (t) => {
  const { emulator, robot } = await library()
  await robot.move({ from: slot(1), to: slot(4) })
  await robot.inventory()
  await emulator.operator.putIntoMail({ volume: { name: 'NEW001L8' }, mailSlot: 2 })
  await t.rejects(robot.move({ from: slot(2), to: mouth(1) }), {
    code: 'state-conflict',
    retryable: true,
    details: { robot: 'robot1', inventory: 'stale' },
  })
  const found = (await robot.inventory()).find(({ barcode }) => barcode === 'NEW001L8')
  t.same(found?.place, mail(2))
  await robot.move({ from: mail(2), to: slot(1) })
  t.match(
    (await robot.inventory()).find(({ barcode }) => barcode === 'NEW001L8'),
    { place: slot(1) },
  )
  await emulator.stop()
})

t.test('a robot that is stuck says so, and its inventory is taken anew', async (t) => {
  const jam = { unit: 'changer', command: 'move-medium', effect: 'robot-jam', occurrence: 1 } as const
  const { emulator, robot } = await library([jam])
  const before = await robot.inventory()
  await t.rejects(robot.move({ from: slot(1), to: mouth(1) }), {
    code: 'robot-failed',
    status: 2020,
    retryable: false,
    details: { robot: 'robot1', sense: '4/15/01', from: 'slot 1', to: 'drive 1' },
  })
  await t.rejects(robot.move({ from: slot(1), to: mouth(1) }), { code: 'state-conflict' })
  t.same(await robot.inventory(), before)
  await emulator.operator.freeRobot()
  await robot.inventory()
  await robot.move({ from: slot(1), to: mouth(1) })
  t.same(emulator.faults.pending, [])
  await emulator.stop()
})

t.test('where the end of a move is not known the next inventory tells', async (t) => {
  for (const ran of [false, true]) {
    const lost = {
      unit: 'changer',
      command: 'move-medium',
      effect: 'transport-lost',
      ran,
      occurrence: 1,
    } as const
    const { emulator, robot } = await library([lost])
    await robot.inventory()
    await t.rejects(robot.move({ from: slot(1), to: slot(4) }), {
      code: 'robot-failed',
      retryable: true,
      cause: { code: 'scsi-transport-lost' },
      details: { meaning: 'end-unknown' },
    })
    await t.rejects(robot.move({ from: slot(1), to: slot(4) }), { code: 'state-conflict' })
    const where = (await robot.inventory()).find(({ barcode }) => barcode === 'E00001L8')?.place
    t.same(where, ran ? slot(4) : slot(1))
    t.same(emulator.faults.pending, [])
    await emulator.stop()
  }
})

t.test('volumes are exchanged in one command', async (t) => {
  const { emulator, robot } = await library()
  await robot.exchange({ from: slot(1), to: slot(2), back: slot(4) })
  const elements = await robot.inventory()
  t.match(
    elements.filter(({ place }) => place.kind === 'slot'),
    [
      { place: slot(1), barcode: undefined },
      { barcode: 'E00001L8' },
      { barcode: 'E00003L8' },
      { barcode: 'E00002L8' },
    ],
  )
  await t.rejects(robot.exchange({ from: slot(1), to: slot(2), back: slot(3) }), { code: 'element-empty' })
  await emulator.stop()
})

t.test('taking stock finds what was changed behind the library', async (t) => {
  const { emulator, robot } = await library()
  await emulator.operator.swapSlots({ slot: 1, with: 2 })
  t.match((await robot.inventory())[2], { place: slot(1), barcode: 'E00001L8' })
  await robot.initialize()
  t.match((await robot.inventory())[2], { place: slot(1), barcode: 'E00002L8' })
  await emulator.operator.swapSlots({ slot: 1, with: 3 })
  await robot.initialize({ place: slot(1) })
  t.match((await robot.inventory())[2], { place: slot(1), barcode: 'E00003L8' })
  await t.rejects(robot.initialize({ place: slot(9) }), { code: 'not-found' })
  await emulator.stop()
})

t.test('a volume without a label is not an empty place', async (t) => {
  const { emulator, robot } = await library()
  await emulator.operator.change({ name: 'E00001L8', barcode: null })
  await robot.initialize()
  t.same((await robot.inventory())[2], { place: slot(1), unlabelled: true })
  await emulator.stop()
})

t.test('each kind of refusal has its code', async (t) => {
  const { emulator } = await library()
  const transport = between(emulator.transport('changer'))
  const robot = createScsiTapeRobot({ transport, clock: createVirtualClock() })
  const refusals = [
    [{ key: 5, asc: 0x3b, ascq: 0x0e }, 'element-empty', { place: 'slot 1' }],
    [{ key: 5, asc: 0x3b, ascq: 0x0d }, 'element-full', { place: 'drive 2' }],
    [{ key: 5, asc: 0x53, ascq: 0x02 }, 'state-conflict', {}],
    [{ key: 5, asc: 0x21, ascq: 0x01 }, 'not-found', {}],
    [{ key: 2, asc: 0x3b, ascq: 0x11 }, 'robot-not-ready', { meaning: 'door-open' }],
    [{ key: 2, asc: 0x04, ascq: 0x03 }, 'robot-not-ready', {}],
    [{ key: 5, asc: 0x24, ascq: 0x00 }, 'scsi-command-failed', {}],
  ] as const
  for (const [sense, code, details] of refusals) {
    transport.answers.push(sense)
    await t.rejects(robot.move({ from: slot(1), to: mouth(2) }), { code, details })
  }
  transport.answers.push({ key: 1, asc: 0x17, ascq: 0 })
  await robot.move({ from: slot(1), to: mouth(2) })
  await emulator.stop()
})

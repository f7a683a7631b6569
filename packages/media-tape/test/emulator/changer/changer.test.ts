import t from 'tap'
import type { ScsiTransport } from '@nb/contracts'
import { createVirtualClock } from '@nb/test-kit'
import type { EmulatorFault } from '../../../src/emulator/faults/emulator-fault.ts'
import { memoryCartridges } from '../../../src/emulator/medium/memory-cartridges.ts'
import { createTapeEmulator, type TapeEmulator } from '../../../src/emulator/tape-emulator.ts'
import { elementType } from '../../../src/scsi/command-codes.ts'
import { parseElementStatus } from '../../../src/scsi/element-status.ts'
import { describeDesignator, parseIdentification } from '../../../src/scsi/inquiry.ts'
import { parseChangerCapabilities, parseElementAddresses } from '../../../src/scsi/mode-pages.ts'
import { findPage, parseMode } from '../../../src/scsi/mode.ts'
import { parseTapeAlerts } from '../../../src/scsi/tape-alert.ts'
import { send, settle } from '../send.ts'

const [slot1, slot2, slot3, slot4] = [1024, 1025, 1026, 1027] as const
const [drive1, drive2] = [256, 257] as const
const mail1 = 16

/** Four slots (A, B, C, none), two drives, two mail slots. */
async function library(
  faults: readonly EmulatorFault[] = [],
  store = memoryCartridges(),
): Promise<{ readonly emulator: TapeEmulator; readonly changer: ScsiTransport }> {
  const emulator = createTapeEmulator(
    { clock: createVirtualClock(undefined, { settleTurns: 1 }), store },
    { slots: 4, drives: 2, capacityBytes: 1000, volumes: ['A', 'B', 'C'], faults },
  )
  await emulator.start()
  const changer = emulator.transport('changer')
  await settle(changer)
  return { emulator, changer }
}

const form = { volumeTags: true, deviceIdentifiers: true }
async function status(changer: ScsiTransport, type: number = elementType.all) {
  const { data } = await send(changer, 'read-element-status', { elementType: type, elements: 1000, ...form })
  return parseElementStatus(data, form).elements
}
/** What the library believes: labels by address. */
async function labels(changer: ScsiTransport): Promise<Record<number, string>> {
  const elements = await status(changer)
  return Object.fromEntries(
    elements.filter(({ full }) => full).map(({ address, barcode }) => [address, barcode ?? '?']),
  )
}
const move = async (changer: ScsiTransport, source: number, destination: number): Promise<string> =>
  (await send(changer, 'move-medium', { transport: 1, source, destination })).end
/** Takes the volume out of a drive's hold. */
async function release(emulator: TapeEmulator, drive: number): Promise<void> {
  const transport = emulator.transport(`drive${drive}`)
  await settle(transport)
  await send(transport, 'load-unload', { load: false })
}

t.test('it tells its elements, its labels and its drives', async (t) => {
  const { emulator, changer } = await library()
  const elements = await status(changer)
  t.same(
    elements.map(({ type, address }) => [type, address]),
    [
      [1, 1],
      [3, 16],
      [3, 17],
      [4, 256],
      [4, 257],
      [2, 1024],
      [2, 1025],
      [2, 1026],
      [2, 1027],
    ],
  )
  t.same(await labels(changer), { [slot1]: 'A', [slot2]: 'B', [slot3]: 'C' })
  const { data } = await send(emulator.transport('drive2'), 'inquiry', { vital: true, page: 0x83 })
  const [own] = parseIdentification(data)
  const told = elements.find(({ address }) => address === drive2)?.device
  t.equal(own !== undefined && told !== undefined && describeDesignator(told), own && describeDesignator(own))
  const { data: modes } = await send(changer, 'mode-sense-10', { page: 0x3f })
  const parameters = parseMode(10, modes)
  const addresses = findPage(parameters, 0x1d)
  t.same(addresses && parseElementAddresses(addresses), {
    transport: { first: 1, count: 1 },
    importExport: { first: 16, count: 2 },
    drive: { first: 256, count: 2 },
    storage: { first: 1024, count: 4 },
  })
  const capabilities = findPage(parameters, 0x1f)
  t.same(capabilities && parseChangerCapabilities(capabilities).holds, [2, 3, 4])
})

t.test('a volume that was moved is where it was moved to, and keeps its source', async (t) => {
  const { emulator, changer } = await library()
  t.equal(await move(changer, slot2, drive1), 'good')
  t.same(await labels(changer), { [drive1]: 'B', [slot1]: 'A', [slot3]: 'C' })
  const inDrive = (await status(changer, elementType.drive))[0]
  t.equal(inDrive?.source, slot2)
  t.equal(inDrive?.accessible, undefined, 'the drive holds it')
  t.equal(await move(changer, drive1, slot4), '5/53/02')
  await release(emulator, 1)
  t.equal((await status(changer, elementType.drive))[0]?.accessible, true)
  t.equal(await move(changer, drive1, slot4), 'good')
  t.equal((await status(changer, elementType.storage))[3]?.source, slot2)
})

t.test('what can not be moved is refused, and nothing has moved', async (t) => {
  const { changer } = await library()
  const before = await labels(changer)
  t.equal(await move(changer, slot4, drive1), '5/3b/0e')
  t.equal(await move(changer, slot1, slot2), '5/3b/0d')
  t.equal(await move(changer, 900, slot2), '5/21/01')
  t.equal(await move(changer, slot1, 1), '5/21/01')
  t.equal(
    (await send(changer, 'move-medium', { transport: 9, source: slot1, destination: slot4 })).end,
    '5/21/01',
  )
  const inverted = await send(changer, 'move-medium', { source: slot1, destination: slot4, invert: true })
  t.equal(inverted.end, '5/24/00')
  t.same(inverted.sense?.fieldPointer, { inCdb: true, byte: 10, bit: 0 })
  t.same(await labels(changer), before)
})

t.test('two volumes are exchanged, or none', async (t) => {
  const { emulator, changer } = await library()
  await move(changer, slot1, drive1)
  const exchange = async (source: number, first: number, second: number): Promise<string> =>
    (
      await send(changer, 'exchange-medium', {
        source,
        firstDestination: first,
        secondDestination: second,
      })
    ).end
  t.equal(await exchange(slot2, drive1, slot1), '5/53/02', 'the drive holds it')
  await release(emulator, 1)
  t.equal(await exchange(slot2, drive1, slot1), 'good')
  t.same(await labels(changer), { [drive1]: 'B', [slot1]: 'A', [slot3]: 'C' })
  t.equal(await exchange(slot1, slot3, slot1), 'good')
  t.same(await labels(changer), { [drive1]: 'B', [slot1]: 'C', [slot3]: 'A' })
  t.equal(await exchange(slot4, slot3, slot2), '5/3b/0e')
  t.equal(await exchange(slot1, slot3, drive1), '5/3b/0d')
})

t.test('volumes come and go through mail slots, and hosts are told', async (t) => {
  const { emulator, changer } = await library()
  await emulator.operator.putIntoMail({ volume: { name: 'NEW001L8' } })
  t.same(await settle(changer), ['6/28/01'])
  const mail = (await status(changer, elementType.importExport))[0]
  t.match(mail, { full: true, byOperator: true, imports: true, exports: true, barcode: 'NEW001L8' })
  t.equal(await move(changer, mail1, slot4), 'good')
  t.equal(await move(changer, slot1, mail1), 'good')
  t.equal(await emulator.operator.takeFromMail({ mailSlot: 1 }), 'A')
  t.same(await settle(changer), ['6/28/01'])
  t.same(await labels(changer), { [slot2]: 'B', [slot3]: 'C', [slot4]: 'NEW001L8' })
  await emulator.operator.putIntoMail({ volume: 'A' })
  await t.rejects(emulator.operator.putIntoMail({ volume: 'B', mailSlot: 2 }), { code: 'state-conflict' })
  await t.rejects(emulator.operator.putIntoMail({ volume: 'X', mailSlot: 2 }), { code: 'not-found' })
  await settle(changer)
  await send(changer, 'prevent-allow-medium-removal', { prevent: 1 })
  await t.rejects(emulator.operator.takeFromMail({ mailSlot: 1 }), { code: 'state-conflict' })
})

t.test('a robot that jams has moved nothing, and moves nothing until it is freed', async (t) => {
  const { emulator, changer } = await library([
    { unit: 'changer', command: 'move-medium', occurrence: 1, effect: 'robot-jam' },
  ])
  t.equal(await move(changer, slot1, drive1), '4/15/01')
  t.equal(await move(changer, slot1, drive1), '4/15/01')
  t.equal((await send(changer, 'initialize-element-status')).end, '4/15/01')
  t.match((await status(changer, elementType.transport))[0], { exception: true, asc: 0x15, ascq: 1 })
  const raised = parseTapeAlerts((await send(changer, 'log-sense', { page: 0x2e })).data)
  t.same(
    raised.map(({ flag }) => flag),
    [2],
  )
  t.same(await labels(changer), { [slot1]: 'A', [slot2]: 'B', [slot3]: 'C' })
  await emulator.operator.freeRobot()
  t.equal(await move(changer, slot1, drive1), 'good')
})

t.test('a volume that was put into a wrong slot is found when the robot looks', async (t) => {
  const { emulator, changer } = await library([
    { unit: 'changer', command: 'move-medium', occurrence: 2, effect: 'wrong-slot' },
  ])
  await move(changer, slot1, drive1)
  await release(emulator, 1)
  t.equal(await move(changer, drive1, slot4), 'good')
  t.same(await labels(changer), { [slot2]: 'B', [slot3]: 'C', [slot4]: 'A' }, 'what the robot says')
  t.equal(await move(changer, slot4, drive1), '5/3b/0e', 'there is nothing')
  t.same(await labels(changer), { [slot2]: 'B', [slot3]: 'C' })
  t.equal(await move(changer, slot2, slot1), '5/3b/0d', 'there is something')
  t.same(await labels(changer), { [slot1]: 'A', [slot2]: 'B', [slot3]: 'C' })
})

t.test('what people did behind its back is seen after a scan', async (t) => {
  const { emulator, changer } = await library()
  await emulator.operator.swapSlots({ slot: 1, with: 4 })
  await emulator.operator.change({ name: 'B', barcode: null })
  await emulator.operator.change({ name: 'C', barcode: 'ELSE' })
  t.same(await labels(changer), { [slot1]: 'A', [slot2]: 'B', [slot3]: 'C' })
  const one = { range: true, firstElement: slot3, elements: 1 }
  t.equal((await send(changer, 'initialize-element-status-with-range', one)).end, 'good')
  t.same(await labels(changer), { [slot1]: 'A', [slot2]: 'B', [slot3]: 'ELSE' })
  t.equal((await send(changer, 'initialize-element-status')).end, 'good')
  t.same(await labels(changer), { [slot2]: '?', [slot3]: 'ELSE', [slot4]: 'A' })
})

t.test('a library that is switched off and on is as it was', async (t) => {
  const store = memoryCartridges()
  const first = await library([], store)
  await move(first.changer, slot1, drive2)
  await move(first.changer, slot2, slot4)
  const before = await labels(first.changer)
  await first.emulator.stop()
  await t.rejects(send(first.changer, 'test-unit-ready'), { code: 'scsi-transport-lost' })
  const { emulator, changer } = await library([], store)
  t.same(await labels(changer), before)
  const drive = emulator.transport('drive2')
  await settle(drive)
  t.equal((await send(drive, 'test-unit-ready')).end, 'good', 'the drive has loaded what was in it')
  t.equal(emulator.volume('A').loads, 2)
})

t.test('a library on record is not taken for another', async (t) => {
  const store = memoryCartridges()
  await (await library([], store)).emulator.stop()
  const other = createTapeEmulator(
    { clock: createVirtualClock(), store },
    { slots: 5, drives: 2, capacityBytes: 1000 },
  )
  await t.rejects(other.start(), { code: 'store-corrupt' })
})

t.test('options out of bounds are refused', (t) => {
  const make = (options: object) => () =>
    createTapeEmulator(
      { clock: createVirtualClock() },
      { slots: 2, drives: 1, capacityBytes: 10, ...options },
    )
  for (const options of [
    { slots: 0 },
    { drives: 101 },
    { capacityBytes: 0.5 },
    { earlyWarningBytes: 11 },
    { volumes: ['A', 'B', 'C'] },
    { volumes: ['A', 'A'] },
    { volumes: ['a/b'] },
    { compressionRatio: 0.5 },
    { timeFactor: 0 },
    { queueDepth: 0 },
    { serialPrefix: '' },
    { faults: [{ unit: 'drive1', effect: 'busy', occurrence: 0 }] },
  ])
    t.throws(make(options), TypeError, JSON.stringify(options))
  t.end()
})

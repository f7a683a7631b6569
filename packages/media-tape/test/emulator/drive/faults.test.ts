import t from 'tap'
import type { EmulatorFault } from '../../../src/emulator/faults/emulator-fault.ts'
import type { TapeEmulatorOptions } from '../../../src/emulator/library-options.ts'
import { instantTimings } from '../../../src/emulator/timings.ts'
import { parseShortPosition } from '../../../src/scsi/tape-answers.ts'
import { parseTapeAlerts } from '../../../src/scsi/tape-alert.ts'
import { loadedDrive, read, send, settle, write } from '../send.ts'

const block = (value: number): Buffer => Buffer.alloc(10, value)
const planned = (faults: readonly EmulatorFault[], more: Partial<TapeEmulatorOptions> = {}) =>
  loadedDrive({ faults, ...more })
const alerts = async (drive: Parameters<typeof send>[0]): Promise<number[]> =>
  parseTapeAlerts((await send(drive, 'log-sense', { page: 0x2e, control: 1 })).data).map(({ flag }) => flag)
const objectOf = async (drive: Parameters<typeof send>[0]): Promise<number | undefined> =>
  parseShortPosition((await send(drive, 'read-position')).data).object

t.test('a block that can not be written is not on the tape, and neither is what was behind it', async (t) => {
  const { drive, emulator } = await planned([
    { unit: 'drive1', command: 'write-6', occurrence: 4, effect: 'write-error' },
  ])
  for (const value of [1, 2, 3]) t.equal((await write(drive, block(value))).end, 'good')
  await send(drive, 'locate-10', { object: 1 })
  const failed = await write(drive, block(4))
  t.equal(failed.end, '3/0c/00')
  t.equal(failed.sense?.information, 10)
  t.equal(failed.dataOutBytes, 0)
  t.equal(await objectOf(drive), 1)
  t.equal((await read(drive, 10)).end, '8/00/05')
  t.same(await alerts(drive), [6])
  t.same(await alerts(drive), [], 'told once')
  t.same(emulator.faults.pending, [])
})

t.test(
  'an error that the drive notices late is told with a later command, and all since is gone',
  async (t) => {
    const { drive } = await planned([
      { unit: 'drive1', command: 'write-6', occurrence: 2, effect: 'write-error', later: 2 },
    ])
    for (const value of [1, 2, 3]) t.equal((await write(drive, block(value))).end, 'good')
    const failed = await write(drive, block(4))
    t.equal(failed.end, '3/0c/00')
    t.equal(failed.sense?.deferred, true)
    t.equal(await objectOf(drive), 1)
    t.equal((await write(drive, block(5))).end, 'good')
    t.equal((await send(drive, 'rewind')).end, 'good')
    t.same([(await read(drive, 10)).data, (await read(drive, 10)).data], [block(1), block(5)])
  },
)

t.test('an error that was not noticed before the filemark is told with it', async (t) => {
  const { drive } = await planned([
    { unit: 'drive1', command: 'write-6', occurrence: 1, effect: 'write-error', later: 9 },
  ])
  t.equal((await write(drive, block(1))).end, 'good')
  const failed = await send(drive, 'write-filemarks-6', { count: 1 })
  t.equal(failed.end, '3/0c/00')
  t.equal(failed.sense?.deferred, true)
  t.equal(await objectOf(drive), 0)
})

t.test('a damaged place fails each time it is written or read', async (t) => {
  const { drive } = await loadedDrive({
    volumes: [{ name: 'BAD001L8', damaged: { writing: [3], reading: [1] } }],
  })
  for (const value of [1, 2, 3]) t.equal((await write(drive, block(value))).end, 'good')
  t.equal((await write(drive, block(4))).end, '3/0c/00')
  t.equal((await write(drive, block(4))).end, '3/0c/00')
  await send(drive, 'rewind')
  t.equal((await read(drive, 10)).end, 'good')
  const failed = await read(drive, 10)
  t.equal(failed.end, '3/11/00')
  t.equal(await objectOf(drive), 2, 'it stands after the damaged block')
  t.same((await read(drive, 10)).data, block(3))
  t.same(await alerts(drive), [5, 6])
})

t.test('a read error happens once, as planned', async (t) => {
  const { drive } = await planned([
    { unit: 'drive1', command: 'read-6', occurrence: 1, effect: 'read-error' },
  ])
  await write(drive, block(1))
  await send(drive, 'rewind')
  t.equal((await read(drive, 10)).end, '3/11/00')
  await send(drive, 'rewind')
  t.equal((await read(drive, 10)).end, 'good')
})

t.test('the medium can end without a warning, and keeps its end', async (t) => {
  const { drive } = await planned([
    { unit: 'drive1', command: 'write-6', occurrence: 2, effect: 'end-of-medium' },
  ])
  t.equal((await write(drive, block(1))).end, 'good')
  const ended = await write(drive, block(2))
  t.equal(ended.end, 'd/00/02')
  t.equal(ended.sense?.endOfMedium, true)
  t.equal(ended.sense?.information, 10)
  t.equal((await send(drive, 'write-filemarks-6', { count: 1 })).end, 'good', 'there is room for filemarks')
  await send(drive, 'load-unload', { load: false })
  await send(drive, 'load-unload', { load: true })
  await settle(drive)
  await send(drive, 'space-6', { over: 3 })
  t.equal((await write(drive, block(2))).end, 'd/00/02')
})

t.test('a broken drive says only that, until it is switched off and on', async (t) => {
  const { drive, emulator } = await planned([
    { unit: 'drive1', command: 'write-6', occurrence: 1, effect: 'drive-failed' },
  ])
  t.equal((await write(drive, block(1))).end, '4/44/00')
  t.equal((await send(drive, 'rewind')).end, '4/44/00')
  t.equal((await send(drive, 'inquiry')).end, 'good')
  await emulator.operator.restartDrive({ drive: 1 })
  t.same(await settle(drive), ['6/29/01', '6/28/00'])
  t.equal((await write(drive, block(1))).end, 'good')
})

t.test('a drive that needs cleaning is cleaned by a cleaning cartridge, as often as that can', async (t) => {
  const timings = { ...instantTimings, cleanMs: 120_000, loadMs: 1000 }
  const { drive, changer, clock, emulator } = await loadedDrive({
    faults: [{ unit: 'drive1', command: 'test-unit-ready', occurrence: 1, effect: 'cleaning-needed' }],
    volumes: ['E00001L8', { name: 'CLN001', kind: 'cleaning', cleanings: 1 }],
    timings,
  })
  await clock.advance(1000)
  await settle(drive)
  t.same(await alerts(drive), [20])
  await send(drive, 'load-unload', { load: false })
  await send(changer, 'move-medium', { source: 256, destination: 1024 })
  t.equal((await send(changer, 'move-medium', { source: 1025, destination: 256 })).end, 'good')
  const cleaning = await send(drive, 'test-unit-ready')
  t.equal(cleaning.end, '2/30/03')
  t.equal(cleaning.sense?.progress, 0)
  t.equal((await send(changer, 'move-medium', { source: 256, destination: 1025 })).end, '5/53/02')
  await clock.advance(60_000)
  t.equal((await send(drive, 'test-unit-ready')).sense?.progress, 32_768)
  await clock.advance(60_000)
  t.equal((await send(drive, 'test-unit-ready')).end, '2/30/03', 'it lies in the mouth')
  t.equal((await send(changer, 'move-medium', { source: 256, destination: 1025 })).end, 'good')
  t.same(await alerts(drive), [])
  t.equal(emulator.volume('CLN001').cleaningsLeft, 0)
  await send(changer, 'move-medium', { source: 1025, destination: 256 })
  await clock.advance(120_000)
  t.same(await alerts(drive), [22], 'used up')
})

t.test('a drive asks to be cleaned when its tape has run long enough', async (t) => {
  const timings = { ...instantTimings, bytesPerSecond: 1000 }
  const { drive, clock } = await loadedDrive({ timings, cleanAfterMs: 500, capacityBytes: 10_000 })
  const writeAll = async (bytes: number): Promise<void> => {
    const sent = write(drive, Buffer.alloc(bytes))
    await clock.advance(10_000)
    await sent
    await send(drive, 'write-filemarks-6', { count: 0 })
  }
  await writeAll(400)
  t.same(await alerts(drive), [])
  await writeAll(60)
  t.same(await alerts(drive), [21])
  await writeAll(60)
  t.same(await alerts(drive), [20])
})

t.test('a TapeAlert flag goes up when it is planned', async (t) => {
  const { drive } = await planned([
    { unit: 'drive1', command: 'rewind', occurrence: 1, effect: 'tape-alert', flag: 19 },
  ])
  await send(drive, 'rewind')
  t.same(await alerts(drive), [19])
})

t.test('a volume that does not thread stays in the mouth', async (t) => {
  const { drive } = await planned([
    { unit: 'drive1', command: 'load-unload', occurrence: 2, effect: 'load-failed' },
  ])
  await send(drive, 'load-unload', { load: false })
  t.equal((await send(drive, 'load-unload', { load: true })).end, '3/53/00')
  t.equal((await send(drive, 'test-unit-ready')).end, '2/04/02')
  t.equal((await send(drive, 'load-unload', { load: true })).end, 'good')
})

t.test('a slow drive takes longer', async (t) => {
  const timings = { ...instantTimings, bytesPerSecond: 1000 }
  const { drive, clock } = await planned(
    [{ unit: 'drive1', command: 'write-6', occurrence: 2, effect: 'slow', share: 0.25 }],
    { timings },
  )
  const timeOf = async (): Promise<number> => {
    const begin = clock.now()
    let end = begin
    const sent = write(drive, Buffer.alloc(100)).then(() => (end = clock.now()))
    await clock.advance(10_000)
    await sent
    return end - begin
  }
  t.equal(await timeOf(), 100)
  t.equal(await timeOf(), 400)
})

t.test('a busy unit says so once', async (t) => {
  const { drive } = await planned([{ unit: 'drive1', command: 'rewind', occurrence: 1, effect: 'busy' }])
  t.equal((await send(drive, 'rewind')).end, 'busy')
  t.equal((await send(drive, 'rewind')).end, 'good')
})

t.test(
  'a connection that is lost before the command has not run it, one that is lost after it has',
  async (t) => {
    const { drive } = await planned([
      { unit: 'drive1', command: 'write-6', occurrence: 1, effect: 'transport-lost', ran: false },
      { unit: 'drive1', command: 'write-6', occurrence: 2, effect: 'transport-lost', ran: true },
    ])
    const { nexus } = drive
    await t.rejects(write(drive, block(1)), { code: 'scsi-transport-lost', details: { sent: true } })
    t.same(await settle(drive), ['6/29/07'])
    t.equal(drive.nexus, nexus + 1)
    t.equal(await objectOf(drive), 0)
    await t.rejects(write(drive, block(1)), { code: 'scsi-transport-lost' })
    await settle(drive)
    t.equal(await objectOf(drive), 1)
  },
)

t.test('when the power is lost between two commands the buffer is, and connections are', async (t) => {
  const { drive, changer } = await planned([
    { unit: 'changer', command: 'read-element-status', occurrence: 1, effect: 'power-lost' },
  ])
  await write(drive, block(1))
  await send(drive, 'write-filemarks-6', { count: 1 })
  await write(drive, block(2))
  t.equal(parseShortPosition((await send(drive, 'read-position')).data).bufferedObjects, 1)
  await t.rejects(send(changer, 'read-element-status', { elements: 100 }), { code: 'scsi-transport-lost' })
  t.same(await settle(changer), ['6/29/01'])
  t.same(await settle(drive), ['6/29/01', '6/28/00'])
  t.same((await read(drive, 10)).data, block(1))
  t.equal((await read(drive, 10)).end, '0/00/01')
  t.equal((await read(drive, 10)).end, '8/00/05')
})

t.test('a silent unit is given up when the time is over', async (t) => {
  const { drive, clock } = await planned([
    { unit: 'drive1', command: 'rewind', occurrence: 1, effect: 'silent' },
  ])
  const sent = send(drive, 'rewind', {}, { timeoutMs: 5000 })
  const refused = t.rejects(sent, { code: 'scsi-timeout' })
  await clock.advance(5000)
  await refused
  t.equal((await send(drive, 'rewind')).end, 'good')
})

t.test('the power can be lost again and again, in all drives at once', async (t) => {
  const { drive, changer, emulator } = await planned(
    [
      { unit: 'drive1', command: 'write-6', occurrence: 3, effect: 'power-lost' },
      { unit: 'drive2', command: 'rewind', occurrence: 1, effect: 'power-lost' },
    ],
    { drives: 2, slots: 4 },
  )
  const second = emulator.transport('drive2')
  await settle(second)
  await send(changer, 'move-medium', { source: 1025, destination: 257 })
  await settle(second)
  for (const value of [1, 2]) await write(drive, block(value))
  const ended = await Promise.allSettled([write(drive, block(3)), send(second, 'rewind')])
  t.same(
    ended.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  await settle(drive)
  await settle(second)
  t.equal((await read(drive, 10)).end, '8/00/05')
})

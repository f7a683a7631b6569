import { createVirtualClock, driven } from '@nb/test-kit'
import t from 'tap'
import {
  createScsiTapeDrive,
  createScsiTapeRobot,
  createTapeEmulator,
  lto8Timings,
  type TapeEmulatorOptions,
} from '../../src/index.ts'

async function open(options: Partial<TapeEmulatorOptions> = {}) {
  const clock = createVirtualClock()
  const emulator = createTapeEmulator({ clock }, { slots: 4, drives: 1, capacityBytes: 100_000, ...options })
  await emulator.start()
  const robot = createScsiTapeRobot({ transport: emulator.transport('changer'), clock })
  const drive = createScsiTapeDrive({ transport: emulator.transport('drive1'), clock }, { name: 'drive1' })
  const put = (slot: number) =>
    driven(clock, robot.move({ from: { kind: 'slot', number: slot }, to: { kind: 'drive', number: 1 } }))
  const back = (slot: number) =>
    driven(clock, robot.move({ from: { kind: 'drive', number: 1 }, to: { kind: 'slot', number: slot } }))
  return { clock, emulator, drive, put, back }
}
const data = new Uint8Array(1000).fill(5)

t.test('a drive that asks for cleaning is cleaned, and its flag is down then', async (t) => {
  const { clock, emulator, drive, put, back } = await open({
    timings: lto8Timings,
    volumes: ['A00001L8', { name: 'CLN001', kind: 'cleaning', cleanings: 1 }],
    faults: [{ unit: 'drive1', command: 'write-6', effect: 'cleaning-needed', occurrence: 2 }],
  })
  await put(1)
  await driven(clock, drive.load())
  for (let block = 0; block < 3; block++) await driven(clock, drive.writeBlock({ data }))
  t.match(await driven(clock, drive.takeAlerts()), [{ flag: 20, meaning: 'clean-now' }])
  await t.rejects(drive.clean(), { code: 'state-conflict' })
  await driven(clock, drive.unload())
  await t.rejects(driven(clock, drive.clean()), {
    code: 'media-open-failed',
    message: /no cleaning cartridge/,
  })
  await back(1)
  await put(2)
  await driven(clock, drive.clean())
  await back(2)
  t.notMatch(await driven(clock, drive.takeAlerts()), [{ meaning: 'clean-now' }])
  await put(2)
  await t.rejects(driven(clock, drive.clean()), {
    code: 'media-open-failed',
    details: { alerts: ['expired cleaning media'] },
  })
  await back(2)
  await put(2)
  await t.rejects(driven(clock, drive.load()), {
    code: 'media-open-failed',
    message: /is a cleaning cartridge/,
  })
  await emulator.stop()
})

t.test('a drive that is reserved is used by one host, also after a reset', async (t) => {
  const { clock, emulator, drive, put } = await open()
  const other = createScsiTapeDrive({ transport: emulator.transport('drive1', 'other'), clock })
  await put(1)
  await drive.reserve({ key: 1n })
  await drive.load()
  await drive.writeBlock({ data })
  await t.rejects(other.load(), { code: 'scsi-access-denied', details: { reserved: true } })
  await t.rejects(other.reserve({ key: 2n }), {
    code: 'scsi-access-denied',
    retryable: true,
    message: /drive1 is reserved by another host \(key 0x0000000000000001\)/,
    details: { reserved: true, heldBy: '0x0000000000000001' },
  })
  await drive.writeFilemarks({ count: 1 })
  await emulator.transport('drive1').reset()
  t.match(await drive.writeBlock({ data }), { written: true, position: { object: 3 } })
  await t.rejects(other.load(), { code: 'scsi-access-denied' })
  await drive.release()
  await drive.release()
  await other.reserve({ key: 2n })
  await t.rejects(drive.writeBlock({ data }), { code: 'scsi-access-denied' })
  await t.rejects(drive.reserve({ key: 0n }), TypeError)
  await emulator.stop()
})

t.test(
  'what a process of ours that is gone has reserved is taken over, what another host has is not',
  async (t) => {
    const { clock, emulator, drive, put } = await open()
    const of = (host: string) =>
      createScsiTapeDrive({ transport: emulator.transport('drive1', host), clock }, { name: 'drive1' })
    const gone = of('before')
    const other = of('other')
    await put(1)
    await gone.reserve({ key: 1n })
    await drive.reserve({ key: 1n })
    await drive.load()
    await drive.writeBlock({ data })
    await t.rejects(gone.load(), { code: 'scsi-access-denied' })
    await t.rejects(other.reserve({ key: 2n }), { code: 'scsi-access-denied' })
    t.comment('the power ends all reservations: loading takes it anew')
    await emulator.losePower()
    await drive.load()
    await t.rejects(other.reserve({ key: 2n }), { code: 'scsi-access-denied' })
    t.comment('of another connection of ours, which has taken it over, it is given back too')
    await gone.reserve({ key: 1n })
    await drive.release()
    await other.reserve({ key: 2n })
    await gone.release()
    await t.rejects(drive.reserve({ key: 1n }), { code: 'scsi-access-denied' })
    await emulator.stop()
  },
)

t.test('the end that comes without a warning is told as any other', async (t) => {
  const { emulator, drive, put } = await open({
    volumes: [{ name: 'A00001L8', capacityBytes: 2500, earlyWarningBytes: 0 }, 'A00002L8'],
    faults: [{ unit: 'drive1', command: 'write-6', effect: 'end-of-medium', occurrence: 2 }],
  })
  await put(1)
  await drive.load()
  await drive.writeBlock({ data })
  t.match(await drive.writeBlock({ data }), {
    written: false,
    stoppedBy: 'end-of-medium',
    position: { object: 1, endOfData: true },
  })
  t.match(await drive.writeFilemarks({ count: 1 }), { written: true, position: { object: 2 } })
  await drive.rewind()
  t.match(await drive.readBlock({ target: new Uint8Array(1000) }), { kind: 'block', blockBytes: 1000 })
  t.match(await drive.readBlock({ target: new Uint8Array(1000) }), { kind: 'filemark' })
  t.same(emulator.faults.pending, [])
  await emulator.stop()
})

t.test('a volume that is written once is not written twice', async (t) => {
  const { emulator, drive, put } = await open({ volumes: [{ name: 'W00001LX', kind: 'worm' }] })
  await put(1)
  await drive.load()
  t.match(await drive.settings(), { worm: true })
  await drive.writeBlock({ data })
  await drive.writeFilemarks({ count: 1 })
  await drive.rewind()
  await t.rejects(drive.writeBlock({ data }), {
    code: 'media-write-protected',
    details: { meaning: 'worm-overwrite', object: 0 },
  })
  await drive.space({ over: 'end-of-data' })
  t.match(await drive.writeBlock({ data }), { written: true, position: { object: 3 } })
  await emulator.stop()
})

t.test(
  'a write error that comes late is told, with the place up to which everything is on the tape',
  async (t) => {
    const { emulator, drive, put } = await open({
      faults: [{ unit: 'drive1', command: 'write-6', effect: 'write-error', later: 2, occurrence: 3 }],
    })
    await put(1)
    await drive.load()
    let error: unknown
    for (let block = 0; block < 8 && error === undefined; block++)
      error = await drive.writeBlock({ data }).then(
        () => undefined,
        (one: unknown) => one,
      )
    t.match(error, { code: 'media-write-failed', details: { sense: '3/0C/00', object: 2 } })
    t.match(await drive.position(), { object: 2 })
    t.match(await drive.writeBlock({ data }), { written: true, position: { object: 3 } })
    await emulator.stop()
  },
)

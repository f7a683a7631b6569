import { createVirtualClock, driven } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { readEnd, spaceEnd, writeEnd } from '../../src/ssc/command-ends.ts'
import type { ScsiTapeDriveOptions } from '../../src/ssc/scsi-drive-types.ts'
import { createScsiTapeDrive } from '../../src/ssc/scsi-tape-drive.ts'
import type { Ended } from '../../src/scsi/scsi-unit.ts'
import type { SenseData } from '../../src/scsi/sense.ts'
import { explainSense } from '../../src/scsi/sense-meaning.ts'
import { propertyRuns } from '../property-runs.ts'
import { TapeTarget, type TapeTargetOptions } from './tape-target.ts'

function make(options: TapeTargetOptions = {}, more: ScsiTapeDriveOptions = {}) {
  const clock = createVirtualClock()
  const target = new TapeTarget(options)
  return {
    clock,
    target,
    drive: createScsiTapeDrive({ transport: target, clock }, { name: 'drive1', ...more }),
  }
}
const data = new Uint8Array(10).fill(1)
const told = (sense: SenseData): Ended => ({ good: false, dataInBytes: 0, sense, ...explainSense(sense) })

t.test(
  'a failure tells the sense data in words, the place, and the TapeAlert flags that are raised',
  async (t) => {
    const { target, drive } = make()
    await drive.load()
    await drive.writeBlock({ data })
    target.alerts.add(6).add(20)
    target.fault('write-6', { sense: { key: 3, asc: 0x0c, ascq: 0 } })
    await t.rejects(drive.writeBlock({ data }), {
      code: 'media-write-failed',
      status: 84,
      message: /medium error: write error \(3\/0C\/00\); TapeAlert: write failure, cleaning required/,
      details: {
        drive: 'drive1',
        object: 1,
        sense: '3/0C/00',
        alerts: ['write failure', 'cleaning required'],
      },
    })
    t.match(await drive.takeAlerts(), [
      { flag: 6, meaning: 'volume' },
      { flag: 20, meaning: 'clean-now' },
    ])
    t.same(await drive.takeAlerts(), [])
    target.alerts.add(21)
    await drive.unload()
    t.match(await drive.takeAlerts(), [{ flag: 21, meaning: 'clean-soon' }], 'flags are read at unload, too')
  },
)

t.test('each kind of failure has its code', async (t) => {
  const { target, drive } = make()
  await drive.load()
  const failures = [
    [{ key: 7, asc: 0x27, ascq: 0 }, 'media-write-protected', false],
    [{ key: 7, asc: 0x30, ascq: 0x0c }, 'media-write-protected', false],
    [{ key: 4, asc: 0x44, ascq: 0 }, 'media-write-failed', true],
    [{ key: 2, asc: 0x30, ascq: 3 }, 'drive-not-ready', true],
    [{ key: 3, asc: 0x30, ascq: 2 }, 'media-open-failed', false],
    [{ key: 0xb, asc: 0x47, ascq: 0 }, 'media-write-failed', true],
    [{ key: 3, asc: 0x0c, ascq: 0, deferred: true }, 'media-write-failed', true],
  ] as const
  for (const [sense, code, retryable] of failures) {
    target.fault('write-6', { sense })
    await t.rejects(drive.writeBlock({ data }), { code, retryable, details: { object: 0 } })
  }
  target.fault('space-6', { sense: { key: 3, asc: 0x14, ascq: 3 } })
  await t.rejects(drive.space({ over: 'end-of-data' }), { code: 'media-position-failed' })
  target.fault('rewind', { sense: { key: 4, asc: 0x15, ascq: 1 } })
  await t.rejects(drive.rewind(), { code: 'media-position-failed' })
  t.match(await drive.rewind(), { object: 0 })
  target.fault('write-6', { status: 0x18 })
  await t.rejects(drive.writeBlock({ data }), { code: 'scsi-access-denied', details: { reserved: true } })
  target.fault('write-6', { sense: { key: 2, asc: 0x3a, ascq: 0 } })
  await t.rejects(drive.writeBlock({ data }), { code: 'drive-not-ready' })
  await t.rejects(
    drive.rewind(),
    { code: 'drive-not-ready' },
    'whoever took it: the next one has to be loaded',
  )
  t.match(await drive.load(), { object: 0 })
  t.same(target.list, [])
  t.equal(target.planned, 0)
})

t.test('a busy drive is waited for, and what it had not begun is asked again', async (t) => {
  const { clock, target, drive } = make()
  await drive.load()
  for (let time = 0; time < 5; time++) target.fault('write-6', { status: time % 2 === 0 ? 0x08 : 0x28 })
  t.match(await driven(clock, drive.writeBlock({ data })), { written: true })
  t.equal(target.list.length, 1)
})

t.test('loading waits for a drive that gets ready, and tells why one does not', async (t) => {
  const { clock, target, drive } = make()
  target.fault('test-unit-ready', { sense: { key: 2, asc: 4, ascq: 1 } }, 1)
  target.fault('test-unit-ready', { sense: { key: 2, asc: 4, ascq: 1 } })
  const before = clock.now()
  t.match(await driven(clock, drive.load()), { object: 0 })
  t.equal(clock.now() - before, 1000)
  await drive.unload()
  target.fault('load-unload', { sense: { key: 3, asc: 0x30, ascq: 2 } })
  await t.rejects(drive.load(), { code: 'media-open-failed', retryable: false })
  target.fault('load-unload', { sense: { key: 4, asc: 0x53, ascq: 0 } })
  await t.rejects(drive.load(), { code: 'media-open-failed', retryable: true })
  target.present = false
  await t.rejects(drive.load(), { code: 'drive-not-ready' })
  t.same(await drive.status(), { state: 'empty' })
})

t.test(
  'the end of the medium with something still in the buffer is a failure when that does not fit either',
  async (t) => {
    const { target, drive } = make({ capacityBytes: 25 })
    await drive.load()
    await drive.writeBlock({ data })
    await drive.writeBlock({ data })
    t.match(await drive.writeBlock({ data }), { written: false, position: { object: 2, endOfData: true } })
    await drive.rewind()
    await drive.writeBlock({ data })
    await drive.writeBlock({ data })
    target.fault('write-filemarks-6', { sense: { key: 0xd, asc: 0, ascq: 2, endOfMedium: true } })
    await t.rejects(drive.writeBlock({ data }), { code: 'media-write-failed', details: { sense: 'D/00/02' } })
  },
)

t.test('settings, densities and the memory of the cartridge', async (t) => {
  const { target, drive } = make()
  await drive.load()
  t.same(await drive.identity(), {
    vendor: 'NB',
    product: 'TARGET',
    revision: '1',
    serial: 'T-1',
    quirks: [],
  })
  const settings = {
    writeProtected: false,
    density: 0x5e,
    fixedBlockBytes: 0,
    compression: true,
    worm: false,
  }
  t.same(await drive.settings(), settings)
  t.same(await drive.change({ compression: false, density: 0x5c }), {
    ...settings,
    compression: false,
    density: 0x5c,
  })
  t.match(target, { compression: false, density: 0x5c })
  target.worm = true
  t.match(await drive.settings(), { worm: true })
  t.match(await drive.densities({ media: false }), [{ name: 'U-8', writable: true }])
  t.match(await drive.status(), { state: 'loaded', barcode: 'T00001L8', position: { object: 0 } })
  t.match(await drive.attributes(), [{ id: 0x806 }])
})

t.test('a drive that lacks what is not needed is worked with all the same', async (t) => {
  const { drive } = make({
    silent: true,
    lacks: [
      'log-sense',
      'read-attribute',
      'report-density-support',
      'prevent-allow-medium-removal',
      'mode-sense-6',
      'mode-sense-10',
      'mode-select-6',
      'read-block-limits',
    ],
  })
  await drive.load()
  t.match(await drive.writeBlock({ data }), { written: true })
  t.same(await drive.densities({ media: true }), [])
  t.same(await drive.attributes(), [])
  t.same(await drive.takeAlerts(), [])
  t.match(await drive.status(), { state: 'loaded', writeProtected: undefined })
  await t.rejects(drive.settings(), { code: 'not-supported' })
  await t.rejects(drive.change({ compression: true }), { code: 'not-supported' })
})

t.test('blocks of fixed length', async (t) => {
  const { target, drive } = make({}, { fixedBlockBytes: 10 })
  await drive.load()
  t.equal(target.blockBytes, 10)
  t.match(await drive.writeBlock({ data }), { written: true, position: { object: 1 } })
  await t.rejects(drive.writeBlock({ data: new Uint8Array(11) }), RangeError)
  await drive.rewind()
  const into = new Uint8Array(64)
  t.match(await drive.readBlock({ target: into }), { kind: 'block', blockBytes: 10, truncated: false })
  t.same(into.subarray(0, 10), data)
  t.match(await drive.readBlock({ target: into }), { kind: 'end-of-data' })
  t.throws(
    () => createScsiTapeDrive({ transport: target, clock: createVirtualClock() }, { fixedBlockBytes: -1 }),
    TypeError,
  )
})

t.test('ends of commands, read as the standard writes them', async (t) => {
  const runs = propertyRuns(t)
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 24 - 1 }),
      fc.integer({ min: 1, max: 2 ** 24 - 1 }),
      (asked, length) => {
        const sense = { key: 0, asc: 0, ascq: 0, incorrectLength: true, information: asked - length }
        const end = readEnd(asked === length ? { good: true, dataInBytes: length } : told(sense), asked)
        return end.kind === 'block' && end.blockBytes === length
      },
    ),
    runs,
  )
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.nat(2 ** 31 - 1), (count, passed) => {
      const sense = { key: 8, asc: 0, ascq: 5, information: Math.abs(count) - passed }
      const end = spaceEnd(told(sense), count)
      return end.kind === 'end-of-data' && (end.passed ?? 0) >= 0 && (end.passed ?? 0) <= Math.abs(count)
    }),
    runs,
  )
  // Without a residual nobody knows how long a block is.
  t.equal(readEnd(told({ key: 0, asc: 0, ascq: 0, incorrectLength: true }), 10).kind, 'failed')
  t.equal(
    readEnd(told({ key: 3, asc: 0x11, ascq: 0, incorrectLength: true, information: 4 }), 10).kind,
    'failed',
  )
  t.equal(readEnd(told({ key: 0, asc: 0, ascq: 1, filemark: true, deferred: true }), 10).kind, 'failed')
  t.same(writeEnd(told({ key: 0, asc: 0, ascq: 2, endOfMedium: true }), 10), {
    kind: 'written',
    warned: true,
  })
  t.equal(
    writeEnd(told({ key: 0, asc: 0, ascq: 2, endOfMedium: true, information: 10 }), 10).kind,
    'end-of-medium',
  )
  t.equal(writeEnd(told({ key: 0, asc: 0, ascq: 2, endOfMedium: true, information: 4 }), 10).kind, 'failed')
  t.equal(writeEnd(told({ key: 0xd, asc: 0, ascq: 2, endOfMedium: true }), 10).kind, 'end-of-medium')
  t.equal(
    spaceEnd(told({ key: 0, asc: 0, ascq: 4, endOfMedium: true, information: 2 }), -5).kind,
    'beginning',
  )
})

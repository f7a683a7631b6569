import t from 'tap'
import type { TapeDrive } from '@nb/contracts'
import { firstDrive, loadedDrive, mouth, slot } from './library.ts'

const block = (text: string): { data: Uint8Array } => ({ data: Buffer.from(text) })
async function read(drive: TapeDrive): Promise<string> {
  const target = Buffer.alloc(100)
  const result = await drive.readBlock({ target })
  return result.kind === 'block' ? target.toString('utf8', 0, result.blockBytes) : result.kind
}

t.test(
  'near the end the drive warns and still writes; at the end it says so and writes nothing',
  async (t) => {
    const { library, drive } = await loadedDrive({ capacityBytes: 100, earlyWarningBytes: 30 })
    const data = Buffer.alloc(30, 7)
    t.match(await drive.writeBlock({ data }), { written: true, position: { object: 1, earlyWarning: false } })
    t.match(await drive.writeBlock({ data }), { written: true, position: { object: 2, earlyWarning: false } })
    t.match(await drive.writeBlock({ data }), { written: true, position: { object: 3, earlyWarning: true } })
    t.match(await drive.writeBlock({ data }), {
      written: false,
      stoppedBy: 'end-of-medium',
      position: { object: 3, endOfData: true, earlyWarning: true },
    })
    t.match(await drive.writeBlock({ data: data.subarray(0, 10) }), {
      written: true,
      position: { object: 4 },
    })
    t.match(await drive.writeFilemarks({ count: 2 }), { written: true, position: { object: 6, file: 2 } })
    await library.stop()
  },
)

t.test('writing in the middle forgets the rest', async (t) => {
  const { library, drive } = await loadedDrive()
  for (const text of ['a', 'b', 'c']) await drive.writeBlock(block(text))
  await drive.locate({ object: 1 })
  await drive.writeBlock(block('B'))
  t.equal(await read(drive), 'end-of-data')
  await drive.rewind()
  t.same([await read(drive), await read(drive), await read(drive)], ['a', 'B', 'end-of-data'])
  await library.stop()
})

t.test('spacing stops where a drive stops', async (t) => {
  const { library, drive } = await loadedDrive()
  // a b | c |
  await drive.writeBlock(block('a'))
  await drive.writeBlock(block('b'))
  await drive.writeFilemarks({ count: 1 })
  await drive.writeBlock(block('c'))
  await drive.writeFilemarks({ count: 1 })
  await drive.rewind()
  const blocks = (count: number) => drive.space({ over: 'blocks', count })
  const filemarks = (count: number) => drive.space({ over: 'filemarks', count })
  t.match(await blocks(5), { passed: 2, stoppedBy: 'filemark', position: { object: 3, file: 1 } })
  t.match(await blocks(-1), { passed: 0, stoppedBy: 'filemark', position: { object: 2, file: 0 } })
  t.match(await blocks(-5), { passed: 2, stoppedBy: 'beginning', position: { object: 0 } })
  t.match(await filemarks(2), { passed: 2, position: { object: 5, file: 2, endOfData: true } })
  t.match(await filemarks(-2), { passed: 2, position: { object: 2, file: 0 } })
  t.match(await filemarks(3), { passed: 2, stoppedBy: 'end-of-data', position: { object: 5 } })
  t.match(await filemarks(-3), { passed: 2, stoppedBy: 'beginning', position: { object: 0 } })
  t.match(await drive.space({ over: 'end-of-data' }), { position: { object: 5 } })
  await library.stop()
})

t.test('a block longer than the target says its length, and the position is after it', async (t) => {
  const { library, drive } = await loadedDrive()
  await drive.writeBlock(block('0123456789'))
  await drive.rewind()
  const target = Buffer.alloc(4)
  t.match(await drive.readBlock({ target }), {
    kind: 'block',
    blockBytes: 10,
    truncated: true,
    position: { object: 1 },
  })
  t.equal(target.toString(), '0123')
  await library.stop()
})

t.test('a place beyond the end of data can not be located; the drive stands at that end', async (t) => {
  const { library, drive } = await loadedDrive()
  await drive.writeBlock(block('a'))
  await drive.rewind()
  await t.rejects(drive.locate({ object: 2 }), { code: 'media-position-failed', details: { object: 1 } })
  t.match(await drive.position(), { object: 1, endOfData: true })
  await library.stop()
})

t.test('a drive that is not loaded says so, and loading twice changes nothing', async (t) => {
  const { library, drive } = await loadedDrive()
  await drive.writeBlock(block('a'))
  t.match(await drive.load(), { object: 1 })
  await drive.unload()
  await drive.unload()
  t.match(await drive.status(), { state: 'present', barcode: 'E00001L8' })
  await t.rejects(drive.readBlock({ target: Buffer.alloc(1) }), { code: 'drive-not-ready', status: 2037 })
  await library.robot.move({ from: mouth(1), to: slot(1) })
  t.match(await drive.status(), { state: 'empty' })
  await t.rejects(drive.load(), { code: 'drive-not-ready' })
  await library.stop()
})

t.test('a write-protected volume can be read only', async (t) => {
  const { library, drive } = await loadedDrive()
  await drive.writeBlock(block('kept'))
  await drive.unload()
  await library.robot.move({ from: mouth(1), to: slot(1) })
  await library.setWriteProtect({ barcode: 'E00001L8', writeProtected: true })
  await library.robot.move({ from: slot(1), to: mouth(1) })
  await drive.load()
  t.match(await drive.status(), { writeProtected: true })
  await t.rejects(drive.writeBlock(block('x')), { code: 'media-write-protected', details: { object: 0 } })
  await t.rejects(drive.writeFilemarks({ count: 1 }), { code: 'media-write-protected' })
  t.equal(await read(drive), 'kept')
  await t.rejects(library.setWriteProtect({ barcode: 'E00001L8', writeProtected: false }), {
    code: 'not-found',
  })
  await library.stop()
})

t.test(
  'commands run one at a time, an aborted one does not begin, and bad arguments are refused',
  async (t) => {
    const { library, drive } = await loadedDrive()
    await Promise.all([drive.writeBlock(block('a')), drive.writeBlock(block('b')), drive.rewind()])
    t.equal(await read(drive), 'a')
    await t.rejects(drive.rewind({ signal: AbortSignal.abort() }), { name: 'AbortError' })
    t.match(await drive.position(), { object: 1 })
    await t.rejects(drive.writeBlock({ data: Buffer.alloc(0) }), RangeError)
    await t.rejects(drive.locate({ object: -1 }), TypeError)
    await t.rejects(drive.space({ over: 'blocks', count: 0.5 }), TypeError)
    await library.stop()
  },
)

t.test('motions and transfers take their time on the clock', async (t) => {
  const timings = {
    moveMs: 10_000,
    loadMs: 5_000,
    unloadMs: 3_000,
    fullRewindMs: 100_000,
    fullLocateMs: 80_000,
    repositionMs: 1_000,
    bytesPerSecond: 100,
  }
  const { library, drive, clock } = await loadedDriveOn(timings)
  const took = async (command: Promise<unknown>): Promise<number> => {
    const from = clock.now()
    let done = false
    void command.finally(() => (done = true))
    await clock.advanceUntil(() => done)
    return clock.now() - from
  }
  t.equal(await took(library.robot.move({ from: slot(1), to: mouth(1) })), 10_000)
  t.equal(await took(drive.load()), 5_000)
  t.equal(await took(drive.writeBlock({ data: Buffer.alloc(500) })), 5_000)
  t.equal(await took(drive.writeFilemarks({ count: 1 })), 1_000)
  t.equal(await took(drive.writeFilemarks({ count: 1, immediate: true }).then(() => undefined)), 0)
  t.equal(await took(drive.rewind()), 50_000)
  t.equal(await took(drive.space({ over: 'end-of-data' })), 1_000 + 40_000)
  t.equal(await took(drive.unload()), 50_000 + 3_000)
  await library.stop()
  t.equal(clock.pendingTimers, 0)
})

async function loadedDriveOn(timings: NonNullable<Parameters<typeof loadedDrive>[0]>['timings']) {
  const { createVirtualClock } = await import('@nb/test-kit')
  const { createEmulatedLibrary } = await import('../src/index.ts')
  const clock = createVirtualClock()
  const options = { slots: 2, drives: 1, capacityBytes: 1000, ...(timings === undefined ? {} : { timings }) }
  const library = createEmulatedLibrary({ clock }, options)
  await library.start()
  return { library, drive: firstDrive(library), clock }
}

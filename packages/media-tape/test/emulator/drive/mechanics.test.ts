import type { ScsiTransport } from '@nb/contracts'
import { createVirtualClock, type VirtualClock } from '@nb/test-kit'
import t from 'tap'
import { memoryCartridges } from '../../../src/emulator/medium/memory-cartridges.ts'
import { Stream } from '../../../src/emulator/drive/stream.ts'
import { createTapeEmulator } from '../../../src/emulator/tape-emulator.ts'
import { instantTimings, lto8Timings, scaledTimings } from '../../../src/emulator/timings.ts'
import type { CdbFields, CdbName } from '../../../src/scsi/cdb-fields.ts'
import { loadedDrive, read, send, settle, write } from '../send.ts'

/** Sends a command and lets time pass; gives how it ended and after how long. */
async function timed<Name extends CdbName>(
  clock: VirtualClock,
  transport: ScsiTransport,
  command: Name,
  fields: Partial<CdbFields[Name]> = {},
): Promise<readonly [string, number]> {
  const begin = clock.now()
  let took = 0
  const sent = send(transport, command, fields, { timeoutMs: 1_000_000 }).then(({ end }) => {
    took = clock.now() - begin
    return end
  })
  await clock.advance(900_000)
  return [await sent, took]
}

t.test('motions take their time, in proportion to the way', async (t) => {
  const timings = {
    ...instantTimings,
    fullRewindMs: 112_000,
    fullLocateMs: 100_000,
    repositionMs: 2000,
    unloadMs: 12_000,
  }
  const { drive, clock } = await loadedDrive({ timings })
  await write(drive, Buffer.alloc(250))
  await write(drive, Buffer.alloc(250))
  t.same(await timed(clock, drive, 'rewind'), ['good', 56_000])
  t.same(await timed(clock, drive, 'rewind'), ['good', 0], 'it is there')
  t.same(await timed(clock, drive, 'locate-10', { object: 1 }), ['good', 27_000])
  t.same(await timed(clock, drive, 'space-6', { over: 3 }), ['good', 27_000])
  t.same(await timed(clock, drive, 'load-unload', { load: false }), ['good', 68_000])
})

t.test('what a command does not wait for goes on by itself', async (t) => {
  const timings = { ...instantTimings, fullRewindMs: 100_000 }
  const { drive, clock } = await loadedDrive({ timings })
  await write(drive, Buffer.alloc(1000))
  t.equal((await send(drive, 'rewind', { immediate: true })).end, 'good')
  t.equal((await send(drive, 'test-unit-ready')).end, '2/04/07')
  await clock.advance(25_000)
  const half = await read(drive, 1000)
  t.equal(half.end, '2/04/07')
  t.equal(half.sense?.progress, 16_384)
  await clock.advance(75_000)
  t.equal((await read(drive, 1000)).end, 'good')
})

t.test('a drive becomes ready while it threads, and then tells of another medium', async (t) => {
  const { drive, clock, changer } = await loadedDrive({ timings: { ...instantTimings, loadMs: 15_000 } })
  t.equal((await send(drive, 'test-unit-ready')).end, '2/04/01')
  t.equal((await send(changer, 'move-medium', { source: 256, destination: 1024 })).end, '5/53/02')
  await clock.advance(15_000)
  t.same(await settle(drive), ['6/28/00'])
  t.equal((await send(drive, 'test-unit-ready')).end, 'good')
})

t.test('a drive that does not thread by itself waits to be told', async (t) => {
  const { drive } = await loadedDrive({ autoLoad: false })
  t.equal((await send(drive, 'test-unit-ready')).end, '2/04/02')
  t.equal((await send(drive, 'load-unload', { load: true })).end, 'good')
  t.same(await settle(drive), ['6/28/00'])
})

t.test('an aborted motion leaves the tape where it was', async (t) => {
  const timings = { ...instantTimings, fullRewindMs: 100_000 }
  const { drive, clock } = await loadedDrive({ timings })
  await write(drive, Buffer.alloc(1000))
  const abort = new AbortController()
  const sent = send(drive, 'rewind', {}, { signal: abort.signal })
  const refused = t.rejects(sent, { name: 'AbortError' })
  await clock.advance(50_000)
  abort.abort()
  await refused
  t.equal((await send(drive, 'test-unit-ready')).end, 'good', 'the drive works on nothing')
  t.equal((await read(drive, 10)).end, '8/00/05', 'it still stands at the end')
})

t.test('the robot takes its time', async (t) => {
  const timings = { ...instantTimings, moveMs: 12_000, scanMs: 250 }
  const clock = createVirtualClock(undefined, { settleTurns: 1 })
  const library = createTapeEmulator({ clock }, { slots: 3, drives: 1, capacityBytes: 1000, timings })
  await library.start()
  const changer = library.transport('changer')
  await settle(changer)
  t.same(await timed(clock, changer, 'move-medium', { source: 1024, destination: 1026 }), ['good', 12_000])
  t.same(await timed(clock, changer, 'initialize-element-status'), ['good', 1500])
})

t.test('a factor makes everything quicker alike', (t) => {
  const quick = scaledTimings(lto8Timings, 0.01)
  t.equal(quick.moveMs, 120)
  t.equal(quick.loadMs, 150)
  t.equal(quick.bytesPerSecond, 36_000_000_000)
  t.equal(quick.bufferBytes, lto8Timings.bufferBytes)
  t.throws(() => scaledTimings(lto8Timings, 0), TypeError)
  t.end()
})

t.test('the buffer takes bursts at once and then streams', (t) => {
  const stream = new Stream(1000, 500)
  t.equal(stream.write(500, 0), 0, 'the buffer takes it')
  t.equal(stream.write(100, 0), 100, 'it is full')
  t.equal(stream.write(100, 600), 0, 'it has been emptied meanwhile')
  t.equal(stream.end(600), 100, 'the rest goes onto the tape')
  t.equal(stream.read(100, 1000), 100, 'nothing was read ahead')
  t.equal(stream.read(300, 1400), 0, 'it read ahead while nobody asked')
  t.equal(stream.ranMs, 1100)
  t.end()
})

t.test('small waits are put off', (t) => {
  const stream = new Stream(1_000_000, 0)
  t.equal(stream.write(1000, 0), 0)
  t.equal(stream.write(9000, 0), 10)
  t.end()
})

t.test('a drive whose motion fails by itself is broken, and its error is kept', async (t) => {
  const memory = memoryCartridges()
  let isFull = false
  const store = {
    ...memory,
    save: async (name: string, record: unknown) => {
      if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      return memory.save(name, record)
    },
  }
  const { drive, clock, emulator } = await loadedDrive(
    { timings: { ...instantTimings, loadMs: 1000 } },
    store,
  )
  isFull = true
  await clock.advance(1000)
  t.equal((await send(drive, 'test-unit-ready')).end, '4/44/00')
  t.match(emulator.failures, [{ code: 'ENOSPC' }])
  isFull = false
  await emulator.operator.restartDrive({ drive: 1 })
  await clock.advance(1000)
  t.same(await settle(drive), ['6/29/01', '6/28/00'])
})

import assert from 'node:assert/strict'
import type { ScsiTransport } from '@nb/contracts'
import { createPowerLossStorage, createVirtualClock } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import type { CartridgeStore } from '../../../src/emulator/medium/cartridge.ts'
import { directoryCartridges } from '../../../src/emulator/medium/directory-cartridges.ts'
import { createTapeEmulator, type TapeEmulator } from '../../../src/emulator/tape-emulator.ts'
import { locateTo, positionForm, spaceOver } from '../../../src/scsi/command-codes.ts'
import { parseLongPosition, parseShortPosition } from '../../../src/scsi/tape-answers.ts'
import { propertyRuns } from '../../property-runs.ts'
import { ListTape } from '../list-tape.ts'
import { loadedDrive, read, send, type Sent, settle, write } from '../send.ts'

const capacityBytes = 200
const earlyWarningBytes = 50

type Step =
  | { readonly do: 'write'; readonly bytes: number }
  | { readonly do: 'mark'; readonly count: number; readonly immediate: boolean }
  | { readonly do: 'read'; readonly bytes: number; readonly silent: boolean }
  | { readonly do: 'rewind' | 'end' | 'reload' | 'erase' }
  | { readonly do: 'locate' | 'locate-file'; readonly to: number }
  | { readonly do: 'blocks' | 'filemarks'; readonly count: number }

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 40 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('mark' as const), count: fc.nat(2), immediate: fc.boolean() }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('read' as const),
        bytes: fc.integer({ min: 1, max: 40 }),
        silent: fc.boolean(),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('rewind', 'end', 'reload') }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('locate', 'locate-file'), to: fc.nat(12) }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('blocks', 'filemarks'),
        count: fc.integer({ min: -4, max: 4 }),
      }),
    },
  ),
  { maxLength: 50 },
)

const bytesBefore = (tape: ListTape): number =>
  tape.list.slice(0, tape.at).reduce((sum, one) => sum + (one?.length ?? 0), 0)
const nearEnd = (tape: ListTape): boolean => bytesBefore(tape) >= capacityBytes - earlyWarningBytes

function expectEnd(sent: Sent, end: string, more: Partial<NonNullable<Sent['sense']>> = {}): void {
  assert.equal(sent.end, end)
  for (const [name, value] of Object.entries(more))
    assert.equal(sent.sense?.[name as keyof typeof more], value, name)
}

async function apply(step: Step, drive: ScsiTransport, tape: ListTape, serial: number): Promise<void> {
  switch (step.do) {
    case 'write': {
      const data = Buffer.alloc(step.bytes, serial)
      const fits = bytesBefore(tape) + step.bytes <= capacityBytes
      if (fits) tape.write(data)
      const sent = await write(drive, data)
      if (!fits) expectEnd(sent, 'd/00/02', { endOfMedium: true, information: step.bytes })
      else if (nearEnd(tape)) expectEnd(sent, '0/00/02', { endOfMedium: true, information: 0 })
      else expectEnd(sent, 'good')
      assert.equal(sent.dataOutBytes, fits ? step.bytes : 0)
      break
    }
    case 'mark': {
      for (let mark = 0; mark < step.count; mark++) tape.write(null)
      const sent = await send(drive, 'write-filemarks-6', { count: step.count, immediate: step.immediate })
      expectEnd(sent, nearEnd(tape) ? '0/00/02' : 'good')
      break
    }
    case 'read': {
      const { bytes, silent } = step
      const expected = tape.list[tape.at]
      if (expected !== undefined) tape.at += 1
      const sent = await send(
        drive,
        'read-6',
        { transferLength: bytes, suppressLength: silent },
        { inBytes: bytes },
      )
      if (expected === undefined) expectEnd(sent, '8/00/05', { information: bytes })
      else if (expected === null) expectEnd(sent, '0/00/01', { filemark: true, information: bytes })
      else {
        if (silent || expected.length === bytes) expectEnd(sent, 'good')
        else expectEnd(sent, '0/00/00', { incorrectLength: true, information: bytes - expected.length })
        assert.deepEqual(sent.data, expected.subarray(0, bytes))
      }
      break
    }
    case 'erase':
      tape.list = tape.list.slice(0, tape.at)
      expectEnd(await send(drive, 'erase-6', { long: serial % 2 === 0 }), 'good')
      break
    case 'rewind':
      tape.at = 0
      expectEnd(await send(drive, 'rewind'), 'good')
      break
    case 'end':
      tape.at = tape.list.length
      expectEnd(await send(drive, 'space-6', { over: spaceOver.endOfData }), 'good')
      break
    case 'reload':
      tape.at = 0
      expectEnd(await send(drive, 'load-unload', { load: false }), 'good')
      expectEnd(await send(drive, 'read-position'), '2/04/02')
      expectEnd(await send(drive, 'load-unload', { load: true }), 'good')
      assert.deepEqual(await settle(drive), ['6/28/00'])
      break
    case 'locate': {
      const isThere = step.to <= tape.list.length
      tape.at = Math.min(step.to, tape.list.length)
      expectEnd(await send(drive, 'locate-10', { object: step.to }), isThere ? 'good' : '8/00/05')
      break
    }
    case 'locate-file': {
      const marks = tape.list.flatMap((one, at) => (one === null ? [at + 1] : []))
      const found = step.to === 0 ? 0 : marks[step.to - 1]
      tape.at = found ?? tape.list.length
      const sent = await send(drive, 'locate-16', { to: locateTo.file, identifier: step.to })
      expectEnd(sent, found === undefined ? '8/00/05' : 'good')
      break
    }
    default: {
      const { passed, stoppedBy } = tape.space(step.do, step.count)
      const over = step.do === 'blocks' ? spaceOver.blocks : spaceOver.filemarks
      const sent = await send(drive, serial % 2 === 0 ? 'space-6' : 'space-16', { over, count: step.count })
      const ends = { filemark: '0/00/01', 'end-of-data': '8/00/05', beginning: '0/00/04' } as const
      expectEnd(sent, stoppedBy === undefined ? 'good' : ends[stoppedBy])
      if (stoppedBy !== undefined) assert.equal(sent.sense?.information, Math.abs(step.count) - passed)
    }
  }
  const short = parseShortPosition((await send(drive, 'read-position')).data)
  const long = parseLongPosition(
    (await send(drive, 'read-position', { serviceAction: positionForm.long })).data,
  )
  assert.deepEqual([short.object, long.object], [tape.at, tape.at])
  assert.equal(long.file, tape.filemarksBefore(tape.at))
  assert.deepEqual([short.beginning, long.nearEnd], [tape.at === 0, nearEnd(tape)])
}

const options = { capacityBytes, earlyWarningBytes }

t.setTimeout(900_000)

t.test('a drive does what a list of blocks and filemarks does', async (t) => {
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const { emulator, drive } = await loadedDrive(options)
      const tape = new ListTape()
      for (const [serial, step] of history.entries()) await apply(step, drive, tape, serial)
      await emulator.stop()
      await emulator.start()
      assert.deepEqual(await settle(drive), ['6/29/07', '6/28/00'])
      tape.at = 0
      for (let object = 0; object <= tape.list.length; object++)
        await apply({ do: 'read', bytes: 40, silent: true }, drive, tape, 0)
      await emulator.stop()
    }),
    propertyRuns(t, 120),
  )
})

/** A library over a directory, with its drive loaded. */
async function openIn(store: CartridgeStore): Promise<{ emulator: TapeEmulator; drive: ScsiTransport }> {
  const clock = createVirtualClock(undefined, { settleTurns: 1 })
  const emulator = createTapeEmulator({ clock, store }, { slots: 2, drives: 1, ...options })
  await emulator.start()
  const [changer, drive] = [emulator.transport('changer'), emulator.transport('drive1')]
  await settle(changer)
  await send(changer, 'move-medium', { source: 1024, destination: 256 })
  await settle(drive)
  return { emulator, drive }
}

for (const [what, lose] of [
  [
    'the machine loses its power',
    async (
      storage: ReturnType<typeof createPowerLossStorage>,
      emulator: TapeEmulator,
    ): Promise<{ drive: ScsiTransport }> => {
      void emulator
      storage.lose()
      storage.restore()
      return openIn(directoryCartridges({ files: storage.files, directory: '/library' }))
    },
  ],
  [
    'the emulated drive loses its power',
    async (
      _: ReturnType<typeof createPowerLossStorage>,
      emulator: TapeEmulator,
    ): Promise<{ drive: ScsiTransport }> => {
      await emulator.losePower()
      const drive = emulator.transport('drive1')
      assert.deepEqual(await settle(drive), ['6/29/01', '6/28/00'])
      return { drive }
    },
  ],
] as const)
  t.test(
    `when ${what} all up to the last filemark that was waited for is there, and nothing else`,
    async (t) => {
      await fc.assert(
        fc.asyncProperty(steps, fc.nat(), async (history, powerSeed) => {
          const storage = createPowerLossStorage({ seed: powerSeed })
          const store = directoryCartridges({ files: storage.files, directory: '/library' })
          const { emulator, drive } = await openIn(store)
          const tape = new ListTape()
          let durable = 0
          for (const [serial, step] of history.entries()) {
            const before = tape.list
            const from = tape.at
            await apply(step, drive, tape, serial)
            const isBuffered = step.do === 'write' || (step.do === 'mark' && step.immediate)
            if (!isBuffered && step.do !== 'read') durable = tape.list.length
            // What was written from some place on is no longer durable from there on, also where old objects were.
            else if (tape.list !== before) durable = Math.min(durable, from)
          }
          const after = await lose(storage, emulator)
          const written = tape.list
          tape.list = written.slice(0, durable)
          tape.at = 0
          for (let object = 0; object < durable; object++)
            await apply({ do: 'read', bytes: 40, silent: true }, after.drive, tape, 0)
          // What is left behind it is what was written, in that order.
          for (let object = durable; ; object++) {
            const sent = await read(after.drive, 40)
            if (sent.end === '8/00/05') break
            const expected = written[object]
            assert.notEqual(expected, undefined, 'there is something that was never written')
            if (expected === null) assert.equal(sent.end, '0/00/01')
            else assert.deepEqual(sent.data, expected)
          }
        }),
        propertyRuns(t, 60),
      )
    },
  )

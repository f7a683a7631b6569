import assert from 'node:assert/strict'
import type { TapeDrive } from '@nb/contracts'
import fc from 'fast-check'
import { createPowerLossStorage, createVirtualClock } from '@nb/test-kit'
import t from 'tap'
import {
  type CartridgeStore,
  createEmulatedLibrary,
  directoryCartridges,
  memoryCartridges,
} from '../src/index.ts'
import { firstDrive, mouth, slot } from './library.ts'

const numRuns = process.env['NB_LONG'] === '1' ? 10_000 : 300
const seed = Number(process.env['NB_SEED'] ?? 20_260_101)
const capacityBytes = 200
const earlyWarningBytes = 50

type Command =
  | { readonly do: 'write'; readonly bytes: number }
  | { readonly do: 'mark'; readonly count: number; readonly immediate: boolean }
  | { readonly do: 'read' | 'rewind' | 'end' | 'reload' }
  | { readonly do: 'locate'; readonly object: number }
  | { readonly do: 'blocks' | 'filemarks'; readonly count: number }

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 40 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('mark' as const), count: fc.nat(2), immediate: fc.boolean() }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('read', 'read', 'rewind', 'end', 'reload') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('locate' as const), object: fc.nat(12) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('blocks', 'filemarks'),
        count: fc.integer({ min: -4, max: 4 }),
      }),
    },
  ),
  { maxLength: 60 },
)

/** A tape as a list of blocks and filemarks (`null`), and a place in it. */
class ListTape {
  list: (Buffer | null)[] = []
  at = 0

  get position() {
    const before = this.list.slice(0, this.at)
    const bytes = before.reduce((sum, one) => sum + (one?.length ?? 0), 0)
    return {
      object: this.at,
      file: before.filter((one) => one === null).length,
      endOfData: this.at === this.list.length,
      earlyWarning: bytes >= capacityBytes - earlyWarningBytes,
    }
  }

  write(one: Buffer | null): boolean {
    const used = this.list.slice(0, this.at).reduce((sum, each) => sum + (each?.length ?? 0), 0)
    if (used + (one?.length ?? 0) > capacityBytes) return false
    this.list = [...this.list.slice(0, this.at++), one]
    return true
  }

  /** One step at a time, as slow as it is plain. */
  space(over: 'blocks' | 'filemarks', count: number): { passed: number; stoppedBy?: string } {
    let passed = 0
    while (passed < Math.abs(count)) {
      const next = count > 0 ? this.list[this.at] : this.list[this.at - 1]
      if (next === undefined) return { passed, stoppedBy: count > 0 ? 'end-of-data' : 'beginning' }
      this.at += Math.sign(count)
      if (over === 'filemarks') passed += next === null ? 1 : 0
      else if (next === null) return { passed, stoppedBy: 'filemark' }
      else passed += 1
    }
    return { passed }
  }
}

async function apply(command: Command, drive: TapeDrive, tape: ListTape, serial: number): Promise<void> {
  switch (command.do) {
    case 'write': {
      const data = Buffer.alloc(command.bytes, serial)
      const written = tape.write(data)
      const { position } = tape
      const stopped = written ? {} : { stoppedBy: 'end-of-medium' }
      assert.deepEqual(await drive.writeBlock({ data }), { written, ...stopped, position })
      break
    }
    case 'mark': {
      for (let mark = 0; mark < command.count; mark++) assert.ok(tape.write(null))
      assert.deepEqual(await drive.writeFilemarks(command), { written: true, position: tape.position })
      break
    }
    case 'read': {
      const target = Buffer.alloc(20)
      const result = await drive.readBlock({ target })
      const expected = tape.list[tape.at]
      if (expected !== undefined) tape.at += 1
      const { position } = tape
      if (expected === undefined) assert.deepEqual(result, { kind: 'end-of-data', position })
      else if (expected === null) assert.deepEqual(result, { kind: 'filemark', position })
      else {
        const truncated = expected.length > target.length
        assert.deepEqual(result, { kind: 'block', blockBytes: expected.length, truncated, position })
        const got = Math.min(expected.length, target.length)
        assert.deepEqual(target.subarray(0, got), expected.subarray(0, got))
      }
      break
    }
    case 'rewind':
      tape.at = 0
      assert.deepEqual(await drive.rewind(), tape.position)
      break
    case 'end':
      tape.at = tape.list.length
      assert.deepEqual(await drive.space({ over: 'end-of-data' }), { passed: 0, position: tape.position })
      break
    case 'reload':
      tape.at = 0
      await drive.unload()
      assert.deepEqual(await drive.load(), tape.position)
      break
    case 'locate': {
      const found = command.object <= tape.list.length
      tape.at = Math.min(command.object, tape.list.length)
      if (found) assert.deepEqual(await drive.locate(command), tape.position)
      else await assert.rejects(drive.locate(command), { code: 'media-position-failed' })
      break
    }
    case 'blocks':
    case 'filemarks': {
      const expected = tape.space(command.do, command.count)
      const result = await drive.space({ over: command.do, count: command.count })
      assert.deepEqual(result, { ...expected, position: tape.position })
      break
    }
  }
}

async function openDrive(store: CartridgeStore) {
  const clock = createVirtualClock()
  const library = createEmulatedLibrary(
    { clock, store },
    { slots: 2, drives: 1, capacityBytes, earlyWarningBytes },
  )
  await library.start()
  const drive = firstDrive(library)
  if ((await drive.status()).state === 'empty') await library.robot.move({ from: slot(1), to: mouth(1) })
  await drive.load()
  return { library, drive }
}

for (const [where, make] of [
  ['in memory', memoryCartridges],
  [
    'in a directory',
    () => directoryCartridges({ files: createPowerLossStorage().files, directory: '/library' }),
  ],
] as const)
  t.test(`a drive ${where} does what a list of blocks and filemarks does`, async (t) => {
    t.comment(`${numRuns} histories (10000 with NB_LONG=1), seed ${seed}`)
    await fc.assert(
      fc.asyncProperty(commands, async (history) => {
        const store = make()
        const { library, drive } = await openDrive(store)
        const tape = new ListTape()
        for (const [serial, command] of history.entries()) await apply(command, drive, tape, serial)
        await library.stop()
        const again = await openDrive(store)
        tape.at = 0
        for (let object = 0; object <= tape.list.length; object++)
          await apply({ do: 'read' }, again.drive, tape, 0)
        await again.library.stop()
      }),
      { numRuns, seed },
    )
  })

/** How many objects a command that writes puts on the tape. */
const objectsOf = (command: { readonly do: string; readonly count?: number }): number =>
  command.do === 'mark' ? (command.count ?? 0) : 1

t.test('after a loss of power everything up to the last filemark that was waited for is there', async (t) => {
  t.comment(`${numRuns} histories (10000 with NB_LONG=1), seed ${seed}`)
  await fc.assert(
    fc.asyncProperty(commands, fc.nat(), async (history, powerSeed) => {
      const storage = createPowerLossStorage({ seed: powerSeed })
      const { drive } = await openDrive(directoryCartridges({ files: storage.files, directory: '/library' }))
      const tape = new ListTape()
      let durable = 0
      for (const [serial, command] of history.entries()) {
        const before = tape.list
        await apply(command, drive, tape, serial)
        const moves = command.do !== 'write' && command.do !== 'read' && command.do !== 'mark'
        if (moves || (command.do === 'mark' && !command.immediate)) durable = tape.list.length
        // What was written from some place on is no longer durable from there, also where old objects were.
        else if (tape.list !== before) durable = Math.min(durable, tape.list.length - objectsOf(command))
      }
      storage.lose()
      storage.restore()
      const after = await openDrive(directoryCartridges({ files: storage.files, directory: '/library' }))
      const written = tape.list
      tape.list = written.slice(0, durable)
      tape.at = 0
      for (let object = 0; object < durable; object++) {
        const target = Buffer.alloc(40)
        const result = await after.drive.readBlock({ target })
        const expected = tape.list[object]
        if (expected === null) assert.equal(result.kind, 'filemark')
        else {
          assert.equal(result.kind, 'block')
          assert.deepEqual(target.subarray(0, expected?.length), expected)
        }
      }
      await after.library.stop()
    }),
    { numRuns, seed },
  )
})

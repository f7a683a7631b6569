import assert from 'node:assert/strict'
import { type ErrorCode, NbError, type TapeDrive, type TapePosition } from '@nb/contracts'
import fc from 'fast-check'
import { declareLacks, type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { encryption, noEncryption } from './tape-encryption.ts'
import { TapeModel } from './tape-model.ts'

/** What the suite of `TapeDrive` works on. */
export interface TapeDriveFixture {
  /** A drive with a blank volume loaded, at the beginning of the tape. */
  readonly drive: TapeDrive
  /** About how many bytes of blocks fit on the volume, from 64 KiB on; the suite may fill it. */
  readonly capacityBytes: number
  /** Sets or clears the tab of the volume, which is unloaded; afterwards it's in the mouth again. */
  readonly setWriteProtect?: (on: boolean) => Promise<void>
}

/** What else is told of the drive. */
export interface TapeDriveSuiteOptions {
  /** How many random histories. @default 20 */
  readonly histories?: number
  /** The seed of the histories. @default 20 260 101 */
  readonly seed?: number
}

/** What a drive may be declared not to do. */
export type TapeDriveLack =
  /** The medium never ends: more than its capacity is taken. */
  | 'hard-end'
  /** It doesn't warn before the end. */
  | 'early-warning'
  /** It doesn't always know the number of a file. */
  | 'file-numbers'
  /** Nobody can set the tab of its volumes here. */
  | 'write-protect'
  /** It doesn't encrypt. */
  | 'encryption'

type Check = (name: string, body: (fixture: TapeDriveFixture) => Promise<void>) => void

/** The obligations of `TapeDrive`. What a drive is declared not to do shows in the names of the tests. */
export function tapeDriveSuite(
  context: SuiteContext,
  setup: SuiteSetup<TapeDriveFixture, TapeDriveLack>,
  { histories = 20, seed = 20_260_101 }: TapeDriveSuiteOptions = {},
): void {
  const lacks = declareLacks(context, setup)
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  const files = !lacks('file-numbers')
  blocks(check, files)
  spacing(check, files)
  loading(check)
  if (!lacks('hard-end')) ends(check, !lacks('early-warning'))
  if (!lacks('write-protect')) protection(check)
  orders(check)
  if (lacks('encryption')) noEncryption(check)
  else encryption(check)
  check(
    `random histories agree with a list of blocks and filemarks (${histories}, seed ${seed})`,
    async ({ drive }) => {
      const tape = new TapeModel()
      await fc.assert(
        fc.asyncProperty(history, async (commands) => {
          for (const [serial, command] of commands.entries()) await apply(command, drive, tape, serial, files)
        }),
        // A history goes on with what the one before has left; it can't be made smaller.
        { numRuns: histories, seed, endOnFailure: true },
      )
    },
  )
}

function blocks(check: Check, files: boolean): void {
  check('blocks of many lengths come back as they were written, and then a filemark', async ({ drive }) => {
    const lengths = [1, 2, 3, 80, 511, 512, 513, 1024, 4096, 10_000]
    const written = lengths.map((length, index) => filled(length, index + 1))
    for (const [index, data] of written.entries()) {
      const result = await drive.writeBlock({ data })
      assert.equal(result.written, true)
      agrees(result.position, { object: index + 1, file: 0, endOfData: true }, files)
      assert.equal(result.position.endOfData, true)
    }
    const marked = await drive.writeFilemarks({ count: 1 })
    agrees(marked.position, { object: lengths.length + 1, file: 1, endOfData: true }, files)
    agrees(await drive.rewind(), { object: 0, file: 0, endOfData: false }, files)
    for (const [index, data] of written.entries()) {
      const target = new Uint8Array(data.length)
      const read = await drive.readBlock({ target })
      assert.deepEqual(
        { ...read, position: undefined },
        { kind: 'block', blockBytes: data.length, truncated: false, position: undefined },
      )
      assert.deepEqual(target, data)
      agrees(read.position, { object: index + 1, file: 0, endOfData: false }, files)
    }
    const mark = await drive.readBlock({ target: new Uint8Array(10) })
    assert.equal(mark.kind, 'filemark')
    agrees(mark.position, { object: lengths.length + 1, file: 1, endOfData: true }, files)
  })
  check('a target longer than the block gets the block, and its length is told', async ({ drive }) => {
    await drive.writeBlock({ data: filled(1000, 3) })
    await drive.writeBlock({ data: filled(70, 4) })
    await drive.rewind()
    const target = new Uint8Array(5000)
    assert.deepEqual(await kindOf(drive, target), ['block', 1000, false])
    assert.deepEqual(target.subarray(0, 1000), filled(1000, 3))
    assert.deepEqual(await kindOf(drive, target), ['block', 70, false])
    assert.deepEqual(target.subarray(0, 70), filled(70, 4))
  })
  check(
    'a target shorter than the block gets its beginning; the position is after the block',
    async ({ drive }) => {
      await drive.writeBlock({ data: Uint8Array.from({ length: 300 }, (_, index) => index % 251) })
      await drive.writeBlock({ data: filled(5, 9) })
      await drive.rewind()
      const target = new Uint8Array(40)
      const read = await drive.readBlock({ target })
      assert.ok(read.kind === 'block' && read.truncated)
      assert.equal(read.blockBytes, 300)
      assert.deepEqual(
        target,
        Uint8Array.from({ length: 40 }, (_, index) => index % 251),
      )
      assert.equal(read.position.object, 1)
      assert.deepEqual(await kindOf(drive, new Uint8Array(5)), ['block', 5, false])
    },
  )
  check(
    'where nothing is recorded a read says so, any number of times, and moves nothing',
    async ({ drive }) => {
      const nothing = async (object: number): Promise<void> => {
        const read = await drive.readBlock({ target: new Uint8Array(100) })
        assert.equal(read.kind, 'end-of-data')
        assert.equal(read.position.endOfData, true)
        agrees(read.position, { object, file: 0, endOfData: true }, files)
        agrees(await drive.position(), { object, file: 0, endOfData: true }, files)
      }
      await nothing(0)
      await nothing(0)
      await drive.writeBlock({ data: filled(10, 1) })
      await nothing(1)
      await nothing(1)
    },
  )
  check('writing in the middle forgets the rest', async ({ drive }) => {
    for (const value of [1, 2, 3]) await drive.writeBlock({ data: filled(100, value) })
    await drive.writeFilemarks({ count: 1 })
    await drive.locate({ object: 1 })
    await drive.writeBlock({ data: filled(100, 9) })
    assert.deepEqual(await kindOf(drive, new Uint8Array(100)), ['end-of-data'])
    await drive.rewind()
    assert.deepEqual(await contents(drive, 100), [1, 9])
    await drive.rewind()
    await drive.writeFilemarks({ count: 2 })
    await drive.rewind()
    assert.deepEqual(await contents(drive, 100), ['filemark', 'filemark'])
  })
}

function spacing(check: Check, files: boolean): void {
  /** a b | c | d */
  const recorded = async (drive: TapeDrive): Promise<void> => {
    for (const value of [1, 2]) await drive.writeBlock({ data: filled(60, value) })
    await drive.writeFilemarks({ count: 1 })
    await drive.writeBlock({ data: filled(60, 3) })
    await drive.writeFilemarks({ count: 1 })
    await drive.writeBlock({ data: filled(60, 4) })
    await drive.rewind()
  }
  check('spacing stops where a tape has something in the way', async ({ drive }) => {
    await recorded(drive)
    const steps = [
      ['blocks', 5, { passed: 2, stoppedBy: 'filemark' }, { object: 3, file: 1 }],
      ['blocks', -1, { passed: 0, stoppedBy: 'filemark' }, { object: 2, file: 0 }],
      ['blocks', -5, { passed: 2, stoppedBy: 'beginning' }, { object: 0, file: 0 }],
      ['filemarks', 2, { passed: 2 }, { object: 5, file: 2 }],
      ['filemarks', -2, { passed: 2 }, { object: 2, file: 0 }],
      ['filemarks', 3, { passed: 2, stoppedBy: 'end-of-data' }, { object: 6, file: 2 }],
      ['blocks', -1, { passed: 1 }, { object: 5, file: 2 }],
      ['blocks', 2, { passed: 1, stoppedBy: 'end-of-data' }, { object: 6, file: 2 }],
      ['filemarks', -3, { passed: 2, stoppedBy: 'beginning' }, { object: 0, file: 0 }],
      ['blocks', 0, { passed: 0 }, { object: 0, file: 0 }],
    ] as const
    for (const [over, count, expected, { object, file }] of steps) {
      const { position, ...spaced } = await drive.space({ over, count })
      assert.deepEqual(spaced, expected, `${over} ${count}`)
      agrees(position, { object, file, endOfData: object === 6 }, files)
    }
  })
  check('to the end of data, and every object can be located', async ({ drive }) => {
    await recorded(drive)
    const { position, ...spaced } = await drive.space({ over: 'end-of-data' })
    assert.deepEqual(spaced, { passed: 0 })
    agrees(position, { object: 6, file: 2, endOfData: true }, files)
    assert.equal(position.endOfData, true)
    const objects = [1, 2, 'filemark', 3, 'filemark', 4, 'end-of-data']
    for (const object of [0, 6, 3, 5, 1, 4, 2]) {
      assert.equal((await drive.locate({ object })).object, object)
      const target = new Uint8Array(60)
      const read = await drive.readBlock({ target })
      assert.equal(read.kind === 'block' ? target[0] : read.kind, objects[object])
    }
  })
  check(
    'a place beyond the end of data can not be located; the drive stands at that end',
    async ({ drive }) => {
      await drive.writeBlock({ data: filled(50, 1) })
      await drive.rewind()
      await rejects(drive.locate({ object: 2 }), 'media-position-failed', { object: 1 })
      assert.equal((await drive.position()).object, 1)
      assert.deepEqual(await kindOf(drive, new Uint8Array(50)), ['end-of-data'])
    },
  )
}

function loading(check: Check): void {
  check('loading twice changes nothing; after another load it is at the beginning', async ({ drive }) => {
    await drive.writeBlock({ data: filled(64, 1) })
    assert.equal((await drive.load()).object, 1)
    const { state, position } = await drive.status()
    assert.equal(state, 'loaded')
    assert.equal(position?.object, 1)
    await drive.unload()
    await drive.unload()
    assert.notEqual((await drive.status()).state, 'loaded')
    await rejects(drive.readBlock({ target: new Uint8Array(64) }), 'drive-not-ready')
    await rejects(drive.writeBlock({ data: filled(1, 1) }), 'drive-not-ready')
    await rejects(drive.position(), 'drive-not-ready')
    assert.equal((await drive.load()).object, 0)
    assert.deepEqual(await contents(drive, 64), [1])
  })
}

function ends(check: Check, warns: boolean): void {
  check(
    'at the end of the medium nothing of a block is written, and there is room for filemarks',
    async ({ drive, capacityBytes }) => {
      const size = Math.max(1, Math.min(8 << 20, Math.floor(capacityBytes / 40)))
      let warned = false
      let written = 0
      for (; written < 1000; written++) {
        const result = await drive.writeBlock({ data: filled(size, (written % 250) + 1) })
        if (!result.written) {
          assert.equal(result.stoppedBy, 'end-of-medium')
          assert.equal(result.position.object, written)
          assert.equal(result.position.endOfData, true)
          assert.equal(result.position.earlyWarning, true)
          break
        }
        assert.equal(result.position.object, written + 1)
        warned = result.position.earlyWarning
      }
      assert.ok(written > 10 && written < 1000, `${written} blocks of ${size} bytes`)
      if (warns) assert.ok(warned, 'it warned before the end')
      const marked = await drive.writeFilemarks({ count: 2 })
      assert.equal(marked.written, true)
      assert.equal(marked.position.object, written + 2)
      await drive.rewind()
      const expected = Array.from({ length: written }, (_, index) => (index % 250) + 1)
      assert.deepEqual(await contents(drive, size), [...expected, 'filemark', 'filemark'])
      await drive.locate({ object: 1 })
      const again = await drive.writeBlock({ data: filled(size, 7) })
      assert.equal(again.written, true)
      assert.equal(again.position.earlyWarning, false)
    },
  )
}

function protection(check: Check): void {
  check('a write-protected volume can be read only', async ({ drive, setWriteProtect }) => {
    assert.ok(setWriteProtect !== undefined)
    await drive.writeBlock({ data: filled(64, 1) })
    await drive.unload()
    await setWriteProtect(true)
    await drive.load()
    assert.equal((await drive.status()).writeProtected, true)
    await rejects(drive.writeBlock({ data: filled(64, 2) }), 'media-write-protected', { object: 0 })
    await rejects(drive.writeFilemarks({ count: 1 }), 'media-write-protected')
    assert.deepEqual(await contents(drive, 64), [1])
    await drive.unload()
    await setWriteProtect(false)
    await drive.load()
    assert.equal((await drive.status()).writeProtected, false)
    assert.equal((await drive.writeBlock({ data: filled(64, 2) })).written, true)
  })
}

function orders(check: Check): void {
  check(
    'commands run one at a time in the order of the calls; an aborted one does not begin',
    async ({ drive }) => {
      const writes = Array.from({ length: 20 }, async (_, index) =>
        drive.writeBlock({ data: filled(60 + index, index + 1) }),
      )
      await Promise.all([...writes, drive.writeFilemarks({ count: 0 }), drive.rewind()])
      assert.deepEqual(
        await contents(drive, 100),
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
      await assert.rejects(drive.rewind({ signal: AbortSignal.abort() }), { name: 'AbortError' })
      assert.equal((await drive.position()).object, 20)
    },
  )
  check('bad arguments are refused', async ({ drive }) => {
    await assert.rejects(drive.writeBlock({ data: new Uint8Array() }), RangeError)
    await assert.rejects(drive.writeBlock({ data: new Uint8Array((8 << 20) + 1) }), RangeError)
    await assert.rejects(drive.locate({ object: -1 }), TypeError)
    await assert.rejects(drive.space({ over: 'blocks', count: 0.5 }), TypeError)
    await assert.rejects(drive.writeFilemarks({ count: -1 }), TypeError)
    assert.equal((await drive.position()).object, 0)
  })
  check('the data may be reused once a write has ended', async ({ drive }) => {
    const data = filled(64, 1)
    await drive.writeBlock({ data })
    data.fill(2)
    await drive.writeBlock({ data })
    data.fill(3)
    await drive.rewind()
    assert.deepEqual(await contents(drive, 64), [1, 2])
  })
}

type Command =
  | { readonly do: 'write'; readonly bytes: number }
  | { readonly do: 'mark'; readonly count: number; readonly immediate: boolean }
  | { readonly do: 'read'; readonly bytes: number }
  | { readonly do: 'rewind' | 'end' | 'reload' }
  | { readonly do: 'locate'; readonly object: number }
  | { readonly do: 'blocks' | 'filemarks'; readonly count: number }

const history: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('write' as const), bytes: fc.integer({ min: 1, max: 300 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('mark' as const), count: fc.nat(2), immediate: fc.boolean() }),
    },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 400 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('rewind' as const, 'end' as const, 'reload' as const) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('locate' as const), object: fc.nat(15) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('blocks' as const, 'filemarks' as const),
        count: fc.integer({ min: -4, max: 4 }),
      }),
    },
  ),
  { maxLength: 40 },
)

async function apply(
  command: Command,
  drive: TapeDrive,
  tape: TapeModel,
  serial: number,
  files: boolean,
): Promise<void> {
  switch (command.do) {
    case 'write': {
      const data = filled(command.bytes, (serial % 250) + 1)
      tape.write(data)
      const result = await drive.writeBlock({ data })
      assert.equal(result.written, true)
      return agrees(result.position, tape.position, files)
    }
    case 'mark': {
      for (let mark = 0; mark < command.count; mark++) tape.write(null)
      const result = await drive.writeFilemarks(command)
      assert.equal(result.written, true)
      return agrees(result.position, tape.position, files)
    }
    case 'read': {
      const target = new Uint8Array(command.bytes)
      const result = await drive.readBlock({ target })
      const expected = tape.list[tape.at]
      if (expected !== undefined) tape.at += 1
      if (expected === undefined) assert.equal(result.kind, 'end-of-data')
      else if (expected === null) assert.equal(result.kind, 'filemark')
      else {
        const truncated = expected.length > target.length
        const { position: _, ...read } = result
        assert.deepEqual(read, { kind: 'block', blockBytes: expected.length, truncated })
        const got = Math.min(expected.length, target.length)
        assert.deepEqual(target.subarray(0, got), expected.subarray(0, got))
      }
      return agrees(result.position, tape.position, files)
    }
    case 'rewind':
      tape.at = 0
      return agrees(await drive.rewind(), tape.position, files)
    case 'end': {
      tape.at = tape.list.length
      const { position } = await drive.space({ over: 'end-of-data' })
      assert.equal(position.endOfData, true)
      return agrees(position, tape.position, files)
    }
    case 'reload':
      tape.at = 0
      await drive.unload()
      return agrees(await drive.load(), tape.position, files)
    case 'locate': {
      const found = command.object <= tape.list.length
      tape.at = Math.min(command.object, tape.list.length)
      if (found) return agrees(await drive.locate(command), tape.position, files)
      return rejects(drive.locate(command), 'media-position-failed', { object: tape.at })
    }
    case 'blocks':
    case 'filemarks': {
      const expected = tape.space(command.do, command.count)
      const { position, ...spaced } = await drive.space({ over: command.do, count: command.count })
      assert.deepEqual(spaced, expected)
      return agrees(position, tape.position, files)
    }
  }
}

/** Numbers are exact; that the end of data is here is true when it is said. */
function agrees(
  position: TapePosition,
  expected: Pick<TapePosition, 'object' | 'file' | 'endOfData'>,
  files: boolean,
): void {
  assert.equal(position.object, expected.object, 'object')
  if (files || position.file !== undefined) assert.equal(position.file, expected.file, 'file')
  if (position.endOfData) assert.equal(expected.endOfData, true, 'end of data')
}

function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value)
}

async function kindOf(drive: TapeDrive, target: Uint8Array): Promise<readonly unknown[]> {
  const read = await drive.readBlock({ target })
  return read.kind === 'block' ? [read.kind, read.blockBytes, read.truncated] : [read.kind]
}

/** What follows up to the end of data: of blocks their first byte. All bytes of a block have to be the same. */
async function contents(drive: TapeDrive, mostBytes: number): Promise<readonly (number | string)[]> {
  const found: (number | string)[] = []
  const target = new Uint8Array(mostBytes)
  for (;;) {
    const read = await drive.readBlock({ target })
    if (read.kind === 'end-of-data') return found
    if (read.kind === 'filemark') found.push('filemark')
    else {
      const [first = 0] = target
      assert.ok(
        target.subarray(0, read.blockBytes).every((byte) => byte === first),
        'a block is whole',
      )
      found.push(first)
    }
  }
}

async function rejects(call: Promise<unknown>, code: ErrorCode, details: object = {}): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof NbError, `an NbError ${code}, not ${String(error)}`)
    assert.equal(error.code, code)
    for (const [name, value] of Object.entries(details)) assert.deepEqual(error.details[name], value, name)
    return true
  })
}

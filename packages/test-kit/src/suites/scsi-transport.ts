import assert from 'node:assert/strict'
import { type ErrorCode, isAbortError, NbError } from '@nb/contracts'
import { declareLacks, type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import {
  good,
  illegalRequest,
  inquiry,
  pattern,
  read,
  ready,
  reportLuns,
  rewind,
  type ScsiCheck,
  type ScsiTransportFixture,
  type ScsiTransportQuirk,
  senseKeyOf,
  status,
  testUnitReady,
  unitAttention,
  unknownCommand,
  write,
  writeFilemark,
} from './scsi-transport-fixture.ts'

/** The obligations of `ScsiTransport`. */
export function scsiTransportSuite(
  context: SuiteContext,
  setup: SuiteSetup<ScsiTransportFixture, ScsiTransportQuirk>,
): void {
  const check: ScsiCheck = (name, body) => void withFixture(context, setup, name, body)
  const lacks = declareLacks(context, setup)
  opening(check)
  data(check, !lacks('short-blocks'))
  order(check)
  stopping(check, !lacks('prompt-aborts'))
  losses(check, !lacks('silent-losses'))
}

function opening(check: ScsiCheck): void {
  check('opening and closing are idempotent, and it can be opened again', async ({ transport }) => {
    assert.ok(transport.name.length > 0)
    assert.ok(Number.isInteger(transport.queueDepth) && transport.queueDepth >= 1)
    assert.equal(transport.nexus, 0, 'none yet')
    await transport.open()
    const first = transport.nexus
    assert.ok(first > 0)
    await transport.open()
    assert.equal(transport.nexus, first)
    await transport.close()
    await transport.close()
    await transport.open()
    assert.notEqual(transport.nexus, 0)
    await ready(transport)
  })
  check('a command opens by itself', async ({ transport }) => {
    await ready(transport)
    assert.ok(transport.nexus > 0)
  })
  check('an open that is aborted rejects with its reason', async ({ transport }) => {
    await assert.rejects(transport.open({ signal: AbortSignal.abort() }), isAbortError)
    await ready(transport)
  })
  check('commands that make no sense are refused, unsent', async ({ transport }) => {
    const refused = (command: Parameters<typeof transport.execute>[0]): Promise<void> =>
      assert.rejects(transport.execute(command), hasCode('argument-invalid'))
    await refused({ cdb: new Uint8Array(7) })
    await refused({ cdb: new Uint8Array(0) })
    await refused({ ...testUnitReady, timeoutMs: 0 })
    await refused({ ...testUnitReady, dataIn: new Uint8Array(1), dataOut: new Uint8Array(1) })
    await ready(transport)
  })
}

function data(check: ScsiCheck, shortBlocks: boolean): void {
  check('it says what the unit is, cut to any length', async ({ transport }) => {
    await ready(transport)
    const whole = Buffer.alloc(255, 0xee)
    const { dataInBytes } = await good(transport, inquiry(whole))
    const tapeDrive = 1
    assert.equal((whole[0] ?? 0) & 0x1f, tapeDrive)
    assert.equal(dataInBytes, Math.min(255, 5 + (whole[4] ?? 0)), 'bytes that came, not bytes of room')
    assert.ok(
      whole.subarray(dataInBytes).every((byte) => byte === 0xee),
      'nothing is written behind them',
    )
    for (const length of [1, 2, 3, 5, 35, 36]) {
      const part = Buffer.alloc(length)
      assert.equal((await good(transport, inquiry(part))).dataInBytes, length)
      assert.ok(part.equals(whole.subarray(0, length)), `${length} bytes`)
    }
  })
  check('commands without data, and with a list', async ({ transport }) => {
    await ready(transport)
    assert.deepEqual(await good(transport, testUnitReady), { status: 0, dataInBytes: 0, dataOutBytes: 0 })
    const list = Buffer.alloc(4096)
    const { dataInBytes } = await good(transport, reportLuns(list))
    assert.equal(dataInBytes, 8 + list.readUInt32BE(0))
    assert.ok(dataInBytes >= 16, 'at least the unit itself')
  })
  check('blocks of all lengths come back as they went', async ({ transport }) => {
    await ready(transport)
    const lengths = [
      80, 81, 510, 511, 512, 513, 4095, 8193, 65_535, 65_536, 65_537, 262_144, 1_048_577, 3_000_001,
    ]
    for (const length of lengths) {
      const { dataOutBytes, dataInBytes } = await written(transport, pattern(length))
      assert.deepEqual([dataOutBytes, dataInBytes], [length, 0])
    }
    await good(transport, writeFilemark)
    await good(transport, rewind)
    for (const length of lengths) {
      const block = Buffer.alloc(length)
      const { dataInBytes, dataOutBytes } = await good(transport, read(block))
      assert.deepEqual([dataInBytes, dataOutBytes], [length, 0])
      assert.ok(block.equals(pattern(length)), `${length} bytes are the same`)
    }
  })
  check('data lie anywhere in a buffer, and nothing beside them is touched', async ({ transport }) => {
    await ready(transport)
    const source = pattern(5000)
    await written(transport, new Uint8Array(source.buffer, source.byteOffset + 7, 4001))
    await good(transport, writeFilemark)
    await good(transport, rewind)
    const target = Buffer.alloc(5000, 0xee)
    await good(transport, read(target.subarray(13, 13 + 4001)))
    assert.ok(target.subarray(13, 4014).equals(source.subarray(7, 4008)))
    assert.ok([...target.subarray(0, 13), ...target.subarray(4014)].every((byte) => byte === 0xee))
  })
  if (shortBlocks)
    check('a block that is shorter than asked for tells its length', async ({ transport }) => {
      await ready(transport)
      await written(transport, pattern(1001))
      await good(transport, writeFilemark)
      await good(transport, rewind)
      const room = Buffer.alloc(70_000, 0xee)
      const result = await transport.execute(read(room))
      assert.equal(result.status, status.checkCondition)
      assert.equal(result.dataInBytes, 1001)
      assert.ok(room.subarray(0, 1001).equals(pattern(1001)))
      assert.ok(room.subarray(1001).every((byte) => byte === 0xee))
    })
  check(
    'a status that is not GOOD is an answer with sense data, and the next command is not harmed',
    async ({ transport }) => {
      await ready(transport)
      const result = await transport.execute(unknownCommand)
      assert.equal(result.status, status.checkCondition)
      assert.equal(senseKeyOf(result), illegalRequest)
      assert.deepEqual([result.dataInBytes, result.dataOutBytes], [0, 0])
      await good(transport, testUnitReady)
    },
  )
}

function order(check: ScsiCheck): void {
  check('commands reach the unit in the order of the calls, however many', async ({ transport }) => {
    await ready(transport)
    const blocks = Array.from({ length: 100 }, (_, n) => pattern(n % 3 === 0 ? 40_000 + n : 100 + n, n))
    const results = await Promise.all([
      ...blocks.map((block) => transport.execute(write(block))),
      transport.execute(writeFilemark),
      transport.execute(rewind),
    ])
    assert.deepEqual([...new Set(results.map((result) => result.status))], [status.good])
    const targets = blocks.map((block) => Buffer.alloc(block.length))
    await Promise.all(targets.map((target) => transport.execute(read(target))))
    targets.forEach((target, n) => assert.ok(target.equals(blocks[n] ?? target.subarray(1)), `block ${n}`))
  })
  check('more commands than the queue is deep wait their turn', async ({ transport }) => {
    await ready(transport)
    const many = Array.from({ length: transport.queueDepth * 3 }, () => transport.execute(testUnitReady))
    assert.ok((await Promise.all(many)).every((result) => result.status === status.good))
  })
  check('no timer is left of a command that has ended', async ({ transport, clock }) => {
    await ready(transport)
    const before = clock.pendingTimers
    await Promise.all([good(transport, testUnitReady), good(transport, rewind)])
    await assert.rejects(transport.execute(rewind, { signal: AbortSignal.abort() }), isAbortError)
    assert.equal(clock.pendingTimers, before)
  })
}

function stopping(check: ScsiCheck, prompt: boolean): void {
  check('a command whose signal has aborted before is not sent', async ({ transport }) => {
    await ready(transport)
    await written(transport, pattern(100, 1))
    const aborted = transport.execute(write(pattern(100, 2)), { signal: AbortSignal.abort() })
    await assert.rejects(aborted, isAbortError)
    await written(transport, pattern(100, 3))
    await good(transport, writeFilemark)
    await expectBlocks(transport, [pattern(100, 1), pattern(100, 3)])
  })
  check('a command that waits is taken out of the row at once', async ({ transport, hold }) => {
    await ready(transport)
    const release = await hold()
    const before = Array.from({ length: transport.queueDepth }, (_, n) =>
      transport.execute(write(pattern(100, n))),
    )
    const controller = new AbortController()
    const waiting = transport.execute(write(pattern(100, 201)), { signal: controller.signal })
    const after = transport.execute(write(pattern(100, 202)))
    controller.abort()
    await assert.rejects(waiting, isAbortError)
    await release()
    assert.ok((await Promise.all([...before, after])).every((result) => result.status === status.good))
    await good(transport, writeFilemark)
    await expectBlocks(transport, [...before.map((_, n) => pattern(100, n)), pattern(100, 202)])
  })
  check('an abort ends a command under way, and the unit works on', async ({ transport, hold }) => {
    await ready(transport)
    const release = await hold()
    const controller = new AbortController()
    const reason = new DOMException('no longer wanted', 'AbortError')
    const command = outcome(transport.execute(write(pattern(70_000)), { signal: controller.signal }))
    await turns()
    controller.abort(reason)
    if (prompt) assert.equal(await command, reason)
    await release()
    const end = await command
    assert.ok(end === reason || (!prompt && end === 'ended'), String(end))
    await good(transport, testUnitReady)
  })
  check(
    'a command that takes too long ends with scsi-timeout, and the unit works on',
    async ({ transport, clock, hold }) => {
      await ready(transport)
      const release = await hold()
      const command = outcome(transport.execute({ ...rewind, timeoutMs: 2000 }))
      let early: unknown
      void command.then((end) => (early = end))
      await clock.advance(1999)
      assert.equal(early, undefined)
      await clock.advance(1)
      if (prompt) assert.ok(hasCode('scsi-timeout')(await command))
      await release()
      const end = await command
      assert.ok(hasCode('scsi-timeout')(end) || (!prompt && end === 'ended'), String(end))
      await good(transport, testUnitReady)
    },
  )
  check('a reset ends all commands, and the unit tells of it', async ({ transport, hold }) => {
    await ready(transport)
    const release = await hold()
    const commands = Array.from({ length: transport.queueDepth + 2 }, () =>
      outcome(transport.execute(rewind)),
    )
    await turns()
    const reset = transport.reset()
    if (prompt) await reset
    await release()
    await reset
    for (const end of await Promise.all(commands))
      assert.ok(hasCode('scsi-transport-lost')(end) || (!prompt && end === 'ended'), String(end))
    const first = await transport.execute(testUnitReady)
    assert.equal(first.status, status.checkCondition)
    assert.equal(senseKeyOf(first), unitAttention)
    await ready(transport)
  })
  check('closing ends commands under way and those that wait', async ({ transport, hold }) => {
    await ready(transport)
    const release = await hold()
    const commands = Array.from({ length: transport.queueDepth + 2 }, () =>
      outcome(transport.execute(rewind)),
    )
    await turns()
    const closed = transport.close()
    if (prompt) await closed
    await release()
    await closed
    for (const end of await Promise.all(commands))
      assert.ok(hasCode('scsi-transport-lost')(end) || (!prompt && end === 'ended'), String(end))
    await ready(transport)
  })
}

function losses(check: ScsiCheck, silent: boolean): void {
  check(
    'a loss ends commands under way, and those that wait unsent',
    async ({ transport, hold, breakConnection }) => {
      await ready(transport)
      const release = await hold()
      const nexus = transport.nexus
      const sent = Array.from({ length: transport.queueDepth }, (_, n) =>
        outcome(transport.execute(write(pattern(9000, n)))),
      )
      const waiting = [outcome(transport.execute(rewind)), outcome(transport.execute(rewind))]
      await turns()
      await breakConnection()
      for (const end of await Promise.all([...sent, ...waiting]))
        assert.ok(hasCode('scsi-transport-lost')(end), String(end))
      for (const end of await Promise.all(waiting))
        assert.equal(end instanceof NbError && end.details['sent'], false)
      const ends = (await Promise.all(sent)).map((end) => end instanceof NbError && end.details['sent'])
      assert.notEqual(ends[0], false, 'what was sent may have run')
      await release()
      await ready(transport)
      assert.notEqual(transport.nexus, nexus)
    },
  )
  if (!silent)
    check('after a loss that something below mends, the next command has not run', async (fixture) => {
      const { transport, breakConnection } = fixture
      await ready(transport)
      await written(transport, pattern(100, 1))
      await breakConnection()
      const late = await transport.execute({ ...write(pattern(100, 2)), nexus: transport.nexus })
      assert.equal(late.status, status.checkCondition)
      assert.equal(senseKeyOf(late), unitAttention)
      await written(transport, pattern(100, 3))
      await good(transport, writeFilemark)
      await expectBlocks(transport, [pattern(100, 1), pattern(100, 3)])
    })
  else afterSilentLoss(check)
  check('after a loss everything works as before', async ({ transport, breakConnection }) => {
    for (let round = 0; round < 3; round++) {
      await ready(transport)
      await good(transport, rewind)
      await written(transport, pattern(10_000, round))
      await good(transport, writeFilemark)
      await expectBlocks(transport, [pattern(10_000, round)])
      await breakConnection()
      // The first command after may be the one that finds it out.
      const first = await outcome(transport.execute(testUnitReady))
      assert.ok(first === 'ended' || hasCode('scsi-transport-lost')(first), String(first))
    }
  })
}

function afterSilentLoss(check: ScsiCheck): void {
  check('a command for a nexus that is gone is not sent', async ({ transport, breakConnection }) => {
    await ready(transport)
    const { nexus } = transport
    await good(transport, { ...rewind, nexus })
    await breakConnection()
    const late = outcome(transport.execute({ ...write(pattern(100)), nexus }))
    const end = await late
    assert.ok(end instanceof NbError && end.code === 'scsi-transport-lost', String(end))
    await ready(transport)
    const again = await outcome(transport.execute({ ...write(pattern(100)), nexus }))
    assert.ok(again instanceof NbError && again.code === 'scsi-transport-lost', String(again))
    assert.equal(again.details['sent'], false)
    await good(transport, { ...rewind, nexus: transport.nexus })
  })
}

async function written(transport: ScsiTransportFixture['transport'], block: Uint8Array) {
  return good(transport, write(block))
}

async function expectBlocks(
  transport: ScsiTransportFixture['transport'],
  blocks: readonly Buffer[],
): Promise<void> {
  await good(transport, rewind)
  for (const [n, block] of blocks.entries()) {
    const target = Buffer.alloc(block.length)
    await good(transport, read(target))
    assert.ok(target.equals(block), `block ${n}`)
  }
}

/** How a command ended: `ended` with a status, or the error. */
function outcome(command: Promise<unknown>): Promise<unknown> {
  return command.then(
    () => 'ended',
    (error: unknown) => error,
  )
}

/** Gives what is under way the turns of the event loop that it takes to be sent. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof NbError && error.code === code
}

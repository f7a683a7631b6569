import assert from 'node:assert/strict'
import type { FragmentRecord, NewFragment } from '@nb/contracts'
import {
  STREAM_BLOCK_BYTES,
  TAPE_BLOCK_BYTES,
  decodeMultiplexFooter,
  proveTapeFile,
  tapeBlockChecksum,
} from '@nb/formats'
import t from 'tap'
import { createMultiplexedFile } from '../../src/multiplex/create-multiplexed-file.ts'
import {
  blocksFrom,
  identity,
  loadedTape,
  newFragment,
  noise,
  readStream,
  rounds,
  trailerOf,
} from './multiplexed-tape.ts'

t.test('streams join and leave while the file is written, and each reads back', async (t) => {
  const tape = await loadedTape()
  const file = createMultiplexedFile(tape, tape.start)
  const records: [NewFragment, Buffer, FragmentRecord][] = []
  const one = async (client: number, blocks: number, pause: number): Promise<void> => {
    const fragment = newFragment(client)
    const writer = await file.join(fragment)
    const payload = noise(client, Math.floor((blocks * STREAM_BLOCK_BYTES) / 512) * 512)
    for (let at = 0; at < payload.length; at += 100_000) {
      await writer.write(payload.subarray(at, at + 100_000))
      await rounds(pause)
    }
    assert.equal(writer.streamBytes, payload.length)
    records.push([fragment, payload, await writer.commit(trailerOf(fragment))])
  }
  await Promise.all([one(1, 9.5, 0), one(2, 3, 1), rounds(3).then(() => one(3, 4.2, 0)), one(4, 0, 0)])
  const ended = await file.ended
  t.match(ended, { end: 'whole', earlyWarning: false, streams: [{}, {}, {}, {}] })
  t.equal((await tape.drive.position()).object, ended.object)
  const blocks = await blocksFrom(tape.drive, tape.start.object)
  const whole = proveTapeFile(blocks[0] as Buffer, blocks.at(-1) as Buffer, tape.start)
  if (whole.kind !== 'multiplexed') throw new Error('not multiplexed')
  t.equal(ended.lastBlock, tapeBlockChecksum(blocks.at(-1) as Buffer))
  t.same(whole.footer.streams, ended.streams)
  t.equal(ended.object, tape.start.object + blocks.length + 1)
  for (const [fragment, payload, record] of records) {
    t.match(record, { volumeId: identity.volume, filemark: 2, blockBytes: STREAM_BLOCK_BYTES })
    assert.ok((await readStream(tape.volume, fragment, record)).equals(payload))
    for (const [offset, bytes] of [
      [0, 1],
      [STREAM_BLOCK_BYTES - 1, 2],
      [payload.length - 512, 512],
      [100, payload.length - 200],
    ] as const)
      if (offset >= 0 && bytes > 0 && offset + bytes <= payload.length)
        assert.ok(
          (await readStream(tape.volume, fragment, record, { offset, bytes })).equals(
            payload.subarray(offset, offset + bytes),
          ),
        )
  }
  await tape.emulator.stop()
})

t.test('a slow stream holds nobody up, and a fast one takes no more than its turns', async (t) => {
  const tape = await loadedTape()
  const file = createMultiplexedFile(tape, tape.start, { waitingBlocks: 2 })
  const [slow, fast, other] = await Promise.all([1, 2, 3].map((client) => file.join(newFragment(client))))
  if (slow === undefined || fast === undefined || other === undefined) throw new Error('three joined')
  const many = noise(1, 12 * STREAM_BLOCK_BYTES)
  await slow.write(many.subarray(0, 512))
  await Promise.all([fast.write(many), other.write(many)])
  const records = await Promise.all(
    [slow, fast, other].map((writer, index) => writer.commit(trailerOf(newFragment(index + 1)))),
  )
  await file.ended
  const blocks = await blocksFrom(tape.drive, tape.start.object)
  const order = blocks
    .map((block) => block.toString('latin1', 0, 13))
    .filter((name) => name.startsWith('.nb/stream-'))
    .map((name) => Number(name.slice(11, 13)))
  const both = order.filter((stream) => stream !== 1)
  // While both have something, neither comes twice in a row but at the very beginning and end.
  for (let at = 3; at < both.length - 4; at++) t.not(both[at], both[at + 1])
  t.equal(records[0]?.streamBytes, 512)
  await tape.emulator.stop()
})

t.test('writing waits when as many blocks of a stream wait as are allowed', async (t) => {
  const tape = await loadedTape()
  const file = createMultiplexedFile(tape, tape.start, { waitingBlocks: 2 })
  const writer = await file.join(newFragment(1))
  const release = tape.emulator.hold('drive1')
  let done = 0
  const payload = noise(3, 6 * STREAM_BLOCK_BYTES)
  const writing = (async (): Promise<void> => {
    for (let at = 0; at < payload.length; at += STREAM_BLOCK_BYTES) {
      await writer.write(payload.subarray(at, at + STREAM_BLOCK_BYTES))
      done += 1
    }
  })()
  await rounds(30)
  t.equal(done, 2)
  release()
  await writing
  await writer.commit(trailerOf(newFragment(1)))
  await tape.emulator.stop()
})

t.test('a commit is durable when it resolves, also when others go on', async (t) => {
  const tape = await loadedTape()
  const file = createMultiplexedFile(tape, tape.start)
  const [first, second] = await Promise.all([1, 2].map((client) => file.join(newFragment(client))))
  if (first === undefined || second === undefined) throw new Error('two joined')
  const payload = noise(5, 3 * STREAM_BLOCK_BYTES - 512)
  await Promise.all([first.write(payload), second.write(payload)])
  const record = await first.commit(trailerOf(newFragment(1)))
  await tape.emulator.losePower()
  await t.rejects(
    (async () => {
      for (let count = 0; count < 20; count++) await second.write(payload)
    })(),
    { name: 'NbError' },
  )
  t.match(await file.ended, { failure: {}, streams: [{ stream: 1 }] })
  await tape.drive.load()
  assert.ok((await readStream(tape.volume, newFragment(1), record)).equals(payload))
  await t.rejects(second.commit(trailerOf(newFragment(2))), { name: 'NbError' })
  await second.discard()
  await tape.emulator.stop()
})

t.test(
  'a discarded stream leaves blocks that nobody reads; where nothing is committed, nothing is left',
  async (t) => {
    const tape = await loadedTape()
    const file = createMultiplexedFile(tape, tape.start)
    const payload = noise(6, 2 * STREAM_BLOCK_BYTES)
    const [kept, gone] = await Promise.all([1, 2].map((client) => file.join(newFragment(client))))
    if (kept === undefined || gone === undefined) throw new Error('two joined')
    await Promise.all([kept.write(payload), gone.write(payload)])
    await gone.discard()
    await gone.discard()
    await t.rejects(gone.write(payload), TypeError)
    const record = await kept.commit(trailerOf(newFragment(1)))
    await kept.discard()
    const ended = await file.ended
    t.match(ended, { end: 'whole', streams: [{ stream: 1 }] })
    assert.ok((await readStream(tape.volume, newFragment(1), record)).equals(payload))

    await tape.drive.locate(ended)
    const next = createMultiplexedFile(tape, { ...identity, file: 3, object: ended.object })
    const writer = await next.join(newFragment(1))
    await writer.write(payload)
    await writer.discard()
    t.match(await next.ended, { end: 'nothing', object: ended.object, streams: [] })
    t.equal((await tape.drive.position()).object, ended.object)
    await t.rejects(next.join(newFragment(3)), { code: 'state-conflict' })
    await tape.emulator.stop()
  },
)

t.test('what one stream does wrong is its own matter', async (t) => {
  const tape = await loadedTape()
  const file = createMultiplexedFile(tape, tape.start)
  await t.rejects(file.join(newFragment(1, { streamOffset: 7 })), TypeError)
  const [wrong, right] = await Promise.all([1, 2].map((client) => file.join(newFragment(client))))
  if (wrong === undefined || right === undefined) throw new Error('two joined')
  await t.rejects(
    wrong.writeFrame({ stored: Buffer.alloc(9), streamBytes: 512, startsAtMember: true }),
    TypeError,
  )
  await wrong.write(Buffer.alloc(100))
  await right.write(noise(7, 1024))
  await t.rejects(wrong.commit(trailerOf(newFragment(1))), TypeError)
  const record = await right.commit(trailerOf(newFragment(2)))
  assert.ok((await readStream(tape.volume, newFragment(2), record)).equals(noise(7, 1024)))
  t.match(await file.ended, { end: 'whole', streams: [{ stream: 2 }] })
  await tape.emulator.stop()
})

t.test('a file takes 32 streams at once and 99 in all', async (t) => {
  const tape = await loadedTape()
  const file = createMultiplexedFile(tape, tape.start)
  const first = await file.join(newFragment(1))
  const others = await Promise.all(
    Array.from({ length: 31 }, (_, index) => file.join(newFragment(index + 2))),
  )
  t.notOk(file.accepts(newFragment(40)))
  for (const writer of others) await writer.discard()
  for (let stream = 33; stream <= 99; stream++) await (await file.join(newFragment(stream))).discard()
  await t.rejects(file.join(newFragment(100)), { code: 'state-conflict' })
  await first.commit(trailerOf(newFragment(1)))
  const { streams } = await file.ended
  t.match(streams, [{ stream: 1, headerBlock: 1 }])
  await tape.emulator.stop()
})

t.test('a file whose list would not fit, or that has its bytes, takes no further stream', async (t) => {
  const tape = await loadedTape()
  const long = newFragment(1, { backupId: `${'x'.repeat(100_000)}_1` })
  const file = createMultiplexedFile(tape, tape.start, { joinUpToBytes: 5 * TAPE_BLOCK_BYTES })
  const [first, second] = await Promise.all([file.join(long), file.join(long)])
  t.notOk(file.accepts(long))
  t.ok(file.accepts(newFragment(2)))
  await first.write(noise(8, 2 * STREAM_BLOCK_BYTES))
  await second.commit(trailerOf(long))
  t.notOk(file.accepts(newFragment(2)))
  await first.commit(trailerOf(long))
  const blocks = await blocksFrom(tape.drive, tape.start.object)
  t.equal(decodeMultiplexFooter(blocks.at(-1) as Buffer).streams.length, 2)
  t.throws(() => createMultiplexedFile(tape, tape.start, { waitingBlocks: 0 }), TypeError)
  t.throws(() => createMultiplexedFile(tape, tape.start, { joinUpToBytes: 0 }), TypeError)
  await tape.emulator.stop()
})

t.test('at the early warning all are told, and all that is committed is whole', async (t) => {
  const tape = await loadedTape({ capacityBlocks: 60, earlyWarningBlocks: 30 })
  const file = createMultiplexedFile(tape, tape.start)
  const payload = noise(9, STREAM_BLOCK_BYTES)
  const records = await Promise.all(
    [1, 2, 3].map(async (client) => {
      const fragment = newFragment(client)
      const writer = await file.join(fragment)
      while (writer.mustEnd === false) await writer.write(payload)
      const { streamBytes } = writer
      return [fragment, streamBytes, await writer.commit(trailerOf(fragment))] as const
    }),
  )
  t.match(await file.ended, { end: 'whole', earlyWarning: true, streams: [{}, {}, {}] })
  t.notOk(file.accepts(newFragment(4)))
  for (const [fragment, streamBytes, record] of records) {
    t.equal(record.streamBytes, streamBytes)
    t.equal((await readStream(tape.volume, fragment, record)).length, streamBytes)
  }
  await tape.emulator.stop()
})

for (const committed of [true, false])
  t.test(
    `at a hard end open streams are lost, ${committed ? 'what was committed stays' : 'nothing is left'}`,
    async (t) => {
      const tape = await loadedTape({ capacityBlocks: 40, earlyWarningBlocks: 0 })
      const file = createMultiplexedFile(tape, tape.start)
      const payload = noise(10, STREAM_BLOCK_BYTES)
      const writers = await Promise.all([1, 2, 3].map((client) => file.join(newFragment(client))))
      const [first, ...others] = writers
      await first?.write(payload)
      const record = committed ? await first?.commit(trailerOf(newFragment(1))) : await first?.discard()
      const lost = others.map(async (writer) => {
        for (;;) await writer.write(payload)
      })
      for (const one of lost) await t.rejects(one, { code: 'media-end', status: 96 })
      for (const writer of others)
        await t.rejects(writer.commit(trailerOf(newFragment(2))), { code: 'media-end' })
      const ended = await file.ended
      t.match(ended, { end: committed ? 'whole' : 'nothing', failure: { code: 'media-end' } })
      t.equal((await tape.drive.position()).object, ended.object)
      if (record === undefined) t.equal(ended.object, tape.start.object)
      else {
        const blocks = await blocksFrom(tape.drive, tape.start.object)
        t.match(proveTapeFile(blocks[0] as Buffer, blocks.at(-1) as Buffer, tape.start), {
          footer: { streams: [{ stream: 1 }] },
        })
        assert.ok((await readStream(tape.volume, newFragment(1), record)).equals(payload))
      }
      await tape.emulator.stop()
    },
  )

t.test('a write error that comes late takes what is open, not what was committed', async (t) => {
  const tape = await loadedTape({
    faults: [{ unit: 'drive1', command: 'write-6', effect: 'write-error', later: 2, occurrence: 16 }],
  })
  const file = createMultiplexedFile(tape, tape.start)
  const payload = noise(11, 2 * STREAM_BLOCK_BYTES)
  const [first, second] = await Promise.all([1, 2].map((client) => file.join(newFragment(client))))
  if (first === undefined || second === undefined) throw new Error('two joined')
  await first.write(payload)
  const record = await first.commit(trailerOf(newFragment(1)))
  await t.rejects(
    (async () => {
      for (;;) await second.write(payload)
    })(),
    { code: 'media-write-failed' },
  )
  t.match(await file.ended, {
    end: 'whole',
    streams: [{ stream: 1 }],
    failure: { code: 'media-write-failed' },
  })
  assert.ok((await readStream(tape.volume, newFragment(1), record)).equals(payload))
  t.same(tape.emulator.faults.pending, [])
  await tape.emulator.stop()
})

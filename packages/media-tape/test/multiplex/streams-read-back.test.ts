import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { CompressedFrame, SpaceRequest, TapeDrive } from '@nb/contracts'
import { STREAM_BLOCK_BYTES, proveTapeFile } from '@nb/formats'
import fc from 'fast-check'
import t from 'tap'
import { BlockReader } from '../../src/fragment/block-reader.ts'
import { recordOf } from '../../src/fragment/fragment-ends.ts'
import { listStreams } from '../../src/multiplex/list-streams.ts'
import { MultiplexGroup } from '../../src/multiplex/multiplex-group.ts'
import { describeFragment } from '../../src/fragment/describe-fragment.ts'
import { openFragment } from '../../src/fragment/open-fragment.ts'
import { propertyRuns } from '../property-runs.ts'
import { type Committed, type JobPlan, anyPlan, runJobs, together } from './histories.ts'
import {
  type MultiplexedTape,
  appendedVolume,
  blocksFrom,
  loadedTape,
  readStream,
} from './multiplexed-tape.ts'

const isLong = process.env['NB_LONG'] === '1'
t.setTimeout(900_000)

async function written(
  plans: readonly JobPlan[],
  inOneFile = false,
): Promise<{
  readonly tape: MultiplexedTape
  readonly committed: readonly Committed[]
  readonly fragments: number
}> {
  const tape = await loadedTape()
  const volume = appendedVolume(tape, tape.start)
  const group = new MultiplexGroup({ ...tape, volume }, { waitingBlocks: 2 })
  const { committed, failures } = await runJobs(
    inOneFile ? together((input) => group.join(input), plans.length) : (input) => group.join(input),
    plans,
  )
  assert.deepEqual(failures, [])
  await group.settled()
  const counts = volume.seen.map((what) => Number(/^(\d+) fragments$/.exec(what)?.[1] ?? 0))
  return { tape, committed, fragments: counts.reduce((sum, count) => sum + count, 0) }
}

t.test('whatever joins, writes and leaves at whatever speed, each stream reads back', async (t) => {
  let streams = 0
  await fc.assert(
    fc.asyncProperty(fc.array(anyPlan, { minLength: 1, maxLength: 6 }), fc.nat(), async (plans, seed) => {
      const { tape, committed, fragments } = await written(plans, true)
      streams += committed.length
      assert.equal(fragments, committed.length)
      for (const { fragment, payload, record, frames } of committed) {
        assert.ok((await readStream(tape.volume, fragment, record)).equals(payload))
        if (payload.length > 0) {
          const offset = seed % payload.length
          const bytes = Math.min(payload.length - offset, seed % 300_000)
          const part = await readStream(tape.volume, fragment, record, { offset, bytes })
          assert.ok(part.equals(payload.subarray(offset, offset + bytes)))
        }
        const wanted = { backupId: fragment.backupId, copy: 1, fragment: record }
        const told = await describeFragment(tape.volume, wanted)
        assert.deepEqual(told.fragment, record)
        assert.deepEqual(told.image, { backupId: fragment.backupId })
        if (frames === undefined) continue
        const reader = await openFragment(tape.volume, wanted)
        let index = 0
        for await (const { stored, streamBytes, startsAtMember } of reader.frames()) {
          const frame: CompressedFrame | undefined = frames[index++]
          assert.ok(frame !== undefined && Buffer.from(frame.stored).equals(stored))
          assert.deepEqual([streamBytes, startsAtMember], [frame.streamBytes, frame.startsAtMember])
        }
        assert.equal(index, frames.length)
        await reader.close()
      }
      await tape.emulator.stop()
    }),
    { ...propertyRuns(t, 10), numRuns: isLong ? 1000 : 10 },
  )
  t.ok(streams > 20, `${streams} streams`)
})

const plans: readonly JobPlan[] = [1, 2, 3, 4].map((seed) => ({
  fragments: [{ bytes: 1024 * 512 * seed, discard: false }],
  ...{ pause: seed % 3, compressed: seed === 4, seed },
}))

t.test('an import finds the same records from the list that closes the file', async (t) => {
  const { tape, committed } = await written(plans, true)
  const blocks = await blocksFrom(tape.drive, tape.start.object)
  const proven = proveTapeFile(blocks[0] as Buffer, blocks.at(-1) as Buffer, tape.start)
  if (proven.kind !== 'multiplexed') throw new Error('not multiplexed')
  const found = new Map<string, unknown>()
  for await (const stream of listStreams(tape.volume, tape.start, proven.footer))
    if ('ends' in stream) found.set(stream.ends.header.client, recordOf(stream.ends))
  t.same(found, new Map(committed.map(({ fragment, record }) => [fragment.client, record])))
  await tape.emulator.stop()
})

t.test('a block that can not be read, or is another, is told and nothing of it is delivered', async (t) => {
  const whole = await written(plans, true)
  const one = whole.committed.find(({ fragment }) => fragment.client === 'client3')
  if (one === undefined) throw new Error('client 3 has written')
  const { record, fragment, payload } = one
  const blocks = await blocksFrom(whole.tape.drive, whole.tape.start.object)
  const name = `.nb/stream-${String(record.stream).padStart(2, '0')}/00000002`
  const damaged =
    whole.tape.start.object + blocks.findIndex((block) => block.toString('latin1', 0, name.length) === name)
  await whole.tape.emulator.stop()
  const tape = await loadedTape()
  const contents = [...blocks]
  const bad = Buffer.from(contents[damaged - tape.start.object] as Buffer)
  bad.writeUInt8(bad.readUInt8(70_000) ^ 1, 70_000)
  contents[damaged - tape.start.object] = bad
  for (const data of contents) await tape.drive.writeBlock({ data })
  await tape.drive.writeFilemarks({ count: 1 })
  const reader = await openFragment(tape.volume, {
    backupId: fragment.backupId,
    copy: 1,
    fragment: record,
  })
  let delivered = 0
  const reading = async (): Promise<void> => {
    for await (const piece of reader.read({ offset: 0, bytes: payload.length })) delivered += piece.length
  }
  await t.rejects(reading(), {
    code: 'fragment-corrupt',
    details: {
      block: 2,
      lostOffset: 2 * STREAM_BLOCK_BYTES,
      lostBytes: STREAM_BLOCK_BYTES,
      volumeId: 'NB0001',
      file: 2,
    },
  })
  t.equal(delivered, 2 * STREAM_BLOCK_BYTES)
  const rest: Buffer[] = []
  const offset = 3 * STREAM_BLOCK_BYTES
  for await (const piece of reader.read({ offset, bytes: payload.length - offset }))
    rest.push(Buffer.from(piece))
  assert.ok(Buffer.concat(rest).equals(payload.subarray(offset)))
  await reader.close()
  await t.rejects(async () => {
    for await (const piece of reader.read({ offset: 0, bytes: 1 })) void piece
  }, TypeError)
  await tape.emulator.stop()
})

t.test('of one stream only its own blocks are read', async (t) => {
  const { tape, committed } = await written(plans, true)
  for (const { fragment, record, payload } of committed) {
    let reads = 0
    const drive: TapeDrive = Object.assign(Object.create(tape.drive) as TapeDrive, {
      readBlock: (input: { readonly target: Uint8Array }) => {
        reads += 1
        return tape.drive.readBlock(input)
      },
      locate: (input: { readonly object: number }) => tape.drive.locate(input),
      space: (input: SpaceRequest) => tape.drive.space(input),
    })
    const volume = { ...tape.volume, reader: new BlockReader(drive) }
    await readStream(volume, fragment, record, { offset: 0, bytes: Math.min(1000, payload.length) })
    // Header, footer, one block of trailer, one of data; of a compressed one those that hold the frame.
    t.ok(reads <= 5, `${reads} blocks`)
  }
  await tape.emulator.stop()
})

t.test('tar alone reads each stream', async (t) => {
  const { tape, committed } = await written(plans, true)
  const path = `${t.testdir()}/file.tar`
  const image = createWriteStream(path)
  for (const block of await blocksFrom(tape.drive, tape.start.object)) image.write(block)
  image.end()
  await finished(image)
  const script = String(readFileSync(new URL('../../../../docs/design/tape-format.md', import.meta.url)))
  t.match(script, "--wildcards '.nb/stream-SS/*'")
  for (const { record, payload, frames } of committed) {
    const members = `.nb/stream-${String(record.stream).padStart(2, '0')}/*`
    const options = { maxBuffer: 2 ** 26 }
    const stored = execFileSync('tar', ['-b', '512', '-xOf', path, '--wildcards', members], options)
    const expected = frames === undefined ? payload : Buffer.concat(frames.map((frame) => frame.stored))
    assert.ok(stored.equals(expected))
  }
  await tape.emulator.stop()
})

import assert from 'node:assert/strict'
import { isAbortError } from '@nb/contracts'
import { STREAM_BLOCK_BYTES } from '@nb/formats'
import t from 'tap'
import { MultiplexGroup } from '../../src/multiplex/multiplex-group.ts'
import type { MultiplexedFileOptions } from '../../src/multiplex/multiplexed-file.ts'
import {
  type MultiplexedTape,
  appendedVolume,
  loadedTape,
  newFragment,
  noise,
  readStream,
  trailerOf,
} from './multiplexed-tape.ts'

function groupOn(tape: MultiplexedTape, options: MultiplexedFileOptions = {}) {
  const volume = appendedVolume(tape, tape.start)
  return { group: new MultiplexGroup({ ...tape, volume }, options), volume }
}

t.test('fragments go to one file while there are streams in it, then to the next', async (t) => {
  const tape = await loadedTape()
  const { group, volume } = groupOn(tape)
  const [first, second] = await Promise.all([1, 2].map((client) => group.join(newFragment(client))))
  if (first === undefined || second === undefined) throw new Error('two joined')
  await first.write(noise(1, 1024))
  t.match(await first.commit(trailerOf(newFragment(1))), { filemark: 2, stream: 1 })
  const again = await group.join(newFragment(1, { number: 2, streamOffset: 1024 }))
  await second.commit(trailerOf(newFragment(2)))
  t.match(await again.commit(trailerOf(newFragment(1))), { filemark: 2, stream: 3 })
  const next = await group.join(newFragment(1, { number: 3 }))
  t.same(volume.seen, ['file 2', '3 fragments', 'file 3'])
  await next.discard()
  const third = await group.join(newFragment(1, { number: 3 }))
  const record = await third.commit(trailerOf(newFragment(1)))
  t.match(record, { filemark: 3, stream: 1 })
  await group.settled()
  t.same(volume.seen, ['file 2', '3 fragments', 'file 3', 'file 3', '1 fragments'])
  t.match(volume.place, { file: 4, object: (await tape.drive.position()).object })
  await group.settled()
  await tape.emulator.stop()
})

t.test('a file that takes no more is waited for, unless the wait is given up', async (t) => {
  const tape = await loadedTape()
  const { group } = groupOn(tape, { joinUpToBytes: 2 * 2 ** 18 })
  const first = await group.join(newFragment(1))
  const waiting = group.join(newFragment(2))
  const abort = new AbortController()
  const impatient = group.join(newFragment(3), { signal: abort.signal })
  abort.abort()
  await assert.rejects(impatient, isAbortError)
  await first.write(noise(2, 1024))
  const record = await first.commit(trailerOf(newFragment(1)))
  const second = await waiting
  t.match(await second.commit(trailerOf(newFragment(2))), { filemark: 3, stream: 1 })
  assert.ok((await readStream(tape.volume, newFragment(1), record)).equals(noise(2, 1024)))
  await tape.emulator.stop()
})

t.test('behind the early warning, and after a failure, nothing joins any more', async (t) => {
  const tape = await loadedTape({ capacityBlocks: 40, earlyWarningBlocks: 30 })
  const { group, volume } = groupOn(tape)
  const writer = await group.join(newFragment(1))
  while (!writer.mustEnd) await writer.write(noise(3, STREAM_BLOCK_BYTES))
  await t.rejects(group.join(newFragment(2)), { code: 'media-end', status: 96 })
  await writer.commit(trailerOf(newFragment(1)))
  await t.rejects(group.join(newFragment(2)), { code: 'media-end', status: 96 })
  await group.settled()
  t.same(volume.seen, ['file 2', '1 fragments', 'filled'])
  await t.rejects(group.join(newFragment(2)), { code: 'media-end' })
  await tape.emulator.stop()

  const other = await loadedTape({ capacityBlocks: 20, earlyWarningBlocks: 0 })
  const second = groupOn(other)
  const lost = await second.group.join(newFragment(1))
  await t.rejects(lost.write(noise(4, 20 * STREAM_BLOCK_BYTES)), { code: 'media-end' })
  await t.rejects(second.group.join(newFragment(1)), { code: 'media-end' })
  await second.group.settled()
  t.same(second.volume.seen, ['file 2', 'filled'])
  await other.emulator.stop()
})

import assert from 'node:assert/strict'
import t from 'tap'
import { createMultiplexedFile } from '../../src/multiplex/create-multiplexed-file.ts'
import { openFragment } from '../../src/fragment/open-fragment.ts'
import { type JobPlan, runJobs, together } from '../multiplex/histories.ts'
import { loadedTape, trailerOf } from '../multiplex/multiplexed-tape.ts'
import { tapeRig } from './tape-rig.ts'

const plans: readonly JobPlan[] = [1, 2, 3].map((seed) => ({
  fragments: [{ bytes: seed * 900 * 512, discard: false }],
  ...{ pause: 0, compressed: seed === 2, seed },
}))

t.test('a stream that is duplicated has a tape file of its own on the other volume', async (t) => {
  const shared = await loadedTape()
  const file = createMultiplexedFile(shared, shared.start)
  const { committed } = await runJobs(
    together((fragment) => file.join(fragment), plans.length),
    plans,
  )
  t.equal(committed.length, 3)
  const rig = await tapeRig()
  for (const { fragment, payload, record, frames } of committed) {
    const wanted = { backupId: fragment.backupId, copy: 1, fragment: record }
    const source = await openFragment(shared.volume, wanted)
    const target = await rig.store.mount({ allocation: rig.allocation('write'), jobId: '1' })
    const writer = await target.createFragment({ ...fragment, copy: 2 })
    if (frames === undefined)
      for await (const piece of source.read({ offset: 0, bytes: record.streamBytes }))
        await writer.write(piece)
    else for await (const frame of source.frames()) await writer.writeFrame(frame)
    const copy = await writer.commit(trailerOf(fragment))
    await target.unmount()
    await source.close()
    t.notOk('stream' in copy)
    t.equal(copy.streamBytes, record.streamBytes)
    t.equal(copy.storedBytes, record.storedBytes)

    const medium = await rig.store.mount({ allocation: rig.allocation('read'), jobId: '1' })
    const reader = await medium.openFragment({ backupId: fragment.backupId, copy: 2, fragment: copy })
    const pieces: Buffer[] = []
    for await (const piece of reader.read({ offset: 0, bytes: copy.streamBytes }))
      pieces.push(Buffer.from(piece))
    assert.ok(Buffer.concat(pieces).equals(payload))
    await reader.close()
    await medium.unmount()
  }
  await shared.emulator.stop()
})

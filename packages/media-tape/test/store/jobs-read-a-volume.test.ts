import assert from 'node:assert/strict'
import type { FragmentReader, MountedMedium } from '@nb/contracts'
import { TAPE_BLOCK_BYTES } from '@nb/formats'
import t from 'tap'
import { PATIENCE_MS } from '../../src/fragment/reading-turns.ts'
import { rounds } from '../multiplex/multiplexed-tape.ts'
import type { Motions } from './counted-motions.ts'
import { type Written, fourStreams } from './four-streams.ts'
import { type TapeRig, tapeRig } from './tape-rig.ts'
import { noise } from './spanning.ts'
import { fragmentOf, put } from './writing.ts'

const mount = (rig: TapeRig, jobId: string): Promise<MountedMedium> =>
  rig.store.mount({ allocation: { ...rig.allocation('read'), jobId }, jobId })

const open = (medium: MountedMedium, { fragment, record }: Written): Promise<FragmentReader> =>
  medium.openFragment({ backupId: fragment.backupId, copy: fragment.copy, fragment: record })

/** Reads all of a fragment, with something done before each piece is taken. */
async function readTo(
  end: FragmentReader,
  { payload }: Written,
  before: (pieces: number) => Promise<void> = () => rounds(1),
): Promise<void> {
  let at = 0
  let pieces = 0
  for await (const piece of end.read({ offset: 0, bytes: payload.length })) {
    await before(pieces++)
    assert.ok(payload.subarray(at, at + piece.length).equals(piece), `byte ${at}`)
    at += piece.length
  }
  assert.equal(at, payload.length)
  await end.close()
}

async function measured(rig: TapeRig, work: () => Promise<void>): Promise<Motions> {
  const before = { ...rig.motions() }
  await work()
  const after = rig.motions()
  return {
    reads: after.reads - before.reads,
    locates: after.locates - before.locates,
    spaces: after.spaces - before.spaces,
    travelled: after.travelled - before.travelled,
  }
}

t.test('four jobs that read streams of one file go over it once', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const all = await fourStreams(rig)
  const alone = await measured(rig, async () => {
    for (const one of all) {
      const medium = await mount(rig, '1')
      await readTo(await open(medium, one), one)
      await medium.unmount()
    }
  })
  const together = await measured(rig, async () => {
    const media = await Promise.all(all.map((_, job) => mount(rig, String(job))))
    await Promise.all(all.map(async (one, job) => readTo(await open(media[job] as MountedMedium, one), one)))
    for (const medium of media) await medium.unmount()
  })
  t.comment(`one after the other ${JSON.stringify(alone)}; together ${JSON.stringify(together)}`)
  t.equal(together.reads, alone.reads)
  t.ok(together.travelled < alone.travelled / 2)
  t.ok(together.locates + together.spaces < (alone.locates + alone.spaces) / 4)
  t.equal((await rig.volume()).mounts, 1)
})

t.test('whoever comes later catches up, and from there on both are read in one pass', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const [first, second] = (await fourStreams(rig, 60)) as [Written, Written]
  const one = await mount(rig, '1')
  const other = await mount(rig, '2')
  const alone = await measured(rig, async () => {
    await readTo(await open(one, first), first)
    await readTo(await open(other, second), second)
  })
  let late: Promise<void> | undefined
  const together = await measured(rig, async () => {
    await readTo(await open(one, first), first, async (pieces) => {
      if (pieces === 6) late = open(other, second).then((reader) => readTo(reader, second))
      await rounds(1)
    })
    await late
  })
  t.comment(`one after the other ${JSON.stringify(alone)}; together ${JSON.stringify(together)}`)
  t.equal(together.reads, alone.reads)
  t.ok(together.travelled < 0.9 * alone.travelled)
  t.ok(together.locates + together.spaces < alone.locates + alone.spaces)
  await one.unmount()
  await other.unmount()
})

t.test('one who takes nothing is waited for, then left behind, and read in the end', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const all = await fourStreams(rig)
  const media = await Promise.all(all.map((_, job) => mount(rig, String(job))))
  let goOn: () => void = () => undefined
  const stalled = new Promise<void>((resolve) => (goOn = resolve))
  let ended = 0
  const reading = all.map(async (one, job) => {
    const reader = await open(media[job] as MountedMedium, one)
    await readTo(reader, one, async (pieces) => (job === 2 && pieces === 9 ? stalled : rounds(1)))
    ended += 1
  })
  await rounds(2000)
  const waiting = rig.motions().reads
  await rounds(2000)
  t.equal(rig.motions().reads, waiting, 'nothing is read ahead of it')
  t.equal(ended, 0)
  await rig.clock.advance(PATIENCE_MS)
  await Promise.all(reading.filter((_, job) => job !== 2))
  t.equal(ended, 3)
  goOn()
  await Promise.all(reading)
  for (const medium of media) await medium.unmount()
})

t.test('files of their own are read one after the other, and what waits can be given up', async (t) => {
  const rig = await tapeRig()
  const medium = await rig.store.mount({ allocation: rig.allocation('write'), jobId: '1' })
  const all: Written[] = []
  for (const client of [1, 2, 3]) {
    const fragment = fragmentOf(client)
    const payload = noise(client, 30 * TAPE_BLOCK_BYTES)
    all.push({ fragment, payload, record: await put(medium, fragment, payload) })
  }
  await medium.unmount()
  const media = await Promise.all(all.map((_, job) => mount(rig, String(job))))
  const readers = await Promise.all(all.map((one, job) => open(media[job] as MountedMedium, one)))
  const given = new AbortController()
  const { locates } = await measured(rig, async () => {
    const reading = readers.slice(0, 2).map((reader, job) => readTo(reader, all[job] as Written))
    const given1 = (async () => {
      for await (const piece of (readers[2] as FragmentReader).read({ offset: 0, bytes: 4096 }, given))
        t.fail(`${piece.length} bytes came`)
    })()
    await rounds(3)
    given.abort(new Error('not wanted any more'))
    await t.rejects(given1, { message: 'not wanted any more' })
    await readers[2]?.close()
    await Promise.all(reading)
  })
  t.ok(locates <= 2, `${locates} LOCATEs`)
  // What is on the volume is told while others have it.
  const found: unknown[] = []
  for await (const content of (media[0] as MountedMedium).contents?.() ?? []) found.push(content)
  t.equal(found.length, 3)
  await media[0]?.unmount()
  await assert.rejects(open(media[0] as MountedMedium, all[0] as Written), TypeError)
  await readTo(await open(media[1] as MountedMedium, all[1] as Written), all[1] as Written)
  for (const one of media) await one.unmount()
  t.equal((await rig.volume()).mounts, 1)
})

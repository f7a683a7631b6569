import assert from 'node:assert/strict'
import {
  type FragmentRecord,
  type MountedMedium,
  type NewFragment,
  NbError,
  isAbortError,
} from '@nb/contracts'
import { STREAM_BLOCK_BYTES, TAPE_BLOCK_BYTES, decodeTapeEnd } from '@nb/formats'
import t from 'tap'
import { newFragment, noise, rounds, trailerOf } from '../multiplex/multiplexed-tape.ts'
import { type TapeRig, storageUnit, tapeRig } from './tape-rig.ts'

const mount = (
  rig: TapeRig,
  jobId: string,
  options: { readonly signal?: AbortSignal; readonly volumeId?: string } = {},
) => {
  const allocation = { ...rig.allocationOf('write', options.volumeId), jobId }
  return rig.store.mount({ allocation, jobId, flow: 'backup' }, options)
}

async function readBack(rig: TapeRig, fragment: NewFragment, record: FragmentRecord): Promise<Buffer> {
  const medium = await rig.store.mount({ allocation: rig.allocation('read'), jobId: 'reader' })
  const reader = await medium.openFragment({ backupId: fragment.backupId, copy: 1, fragment: record })
  const pieces: Buffer[] = []
  for await (const piece of reader.read({ offset: 0, bytes: record.streamBytes }))
    pieces.push(Buffer.from(piece))
  await reader.close()
  await medium.unmount()
  return Buffer.concat(pieces)
}

/** The last objects of the volume: blocks by the name of their first member, filemarks as `|`. */
async function lastObjects({ cartridges }: TapeRig, count: number): Promise<string[]> {
  const tape = await cartridges.open('A00001L8')
  const names: string[] = []
  for (let at = tape.index.objects - count; at < tape.index.objects; at++) {
    const block = await tape.read(at)
    names.push(
      block === undefined || block.length === 0
        ? '|'
        : Buffer.from(block).toString('latin1', 0, 100).replace(/\0.*/s, ''),
    )
  }
  return names
}

t.test('four jobs share a volume: mounted once, one file, one end of tape', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const media = await Promise.all(['1', '2', '3', '4'].map((jobId) => mount(rig, jobId)))
  t.equal(rig.lines.filter(({ text }) => text.includes('shared by the jobs of group group1')).length, 4)
  const payload = (client: number): Buffer => noise(client, client * 300 * 1024)
  const records = await Promise.all(
    media.map(async (medium, index) => {
      const fragment = newFragment(index + 1)
      const writer = await medium.createFragment(fragment)
      await t.rejects(medium.createFragment(fragment), { code: 'state-conflict' })
      await writer.write(payload(index + 1))
      return writer.commit(trailerOf(fragment))
    }),
  )
  await t.rejects(
    (media[0] as MountedMedium).openFragment({
      backupId: 'client1_1',
      copy: 1,
      fragment: records[0] as FragmentRecord,
    }),
    {
      code: 'not-supported',
    },
  )
  for (const medium of media.slice(1)) await medium.unmount()
  t.equal((await rig.volume()).files, 3)
  t.not((await lastObjects(rig, 3))[0], '.nb/END.json')
  await media[0]?.unmount()
  await media[0]?.unmount()
  await assert.rejects((media[0] as MountedMedium).createFragment(newFragment(1)), TypeError)
  t.same(await lastObjects(rig, 5), ['.nb/STREAMS.json', '|', '.nb/END.json', '|', '|'])
  t.equal((await rig.volume()).mounts, 1)
  for (const [index, record] of records.entries()) {
    t.match(record, { filemark: 2, volumeId: 'A00001' })
    assert.ok((await readBack(rig, newFragment(index + 1), record)).equals(payload(index + 1)))
  }
  t.equal((await rig.contents()).length, 4)
})

t.test('whoever comes when the last one lets go has it mounted anew, and goes on behind', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const first = await mount(rig, '1')
  const writer = await first.createFragment(newFragment(1))
  await writer.write(noise(1, 1024))
  const record = await writer.commit(trailerOf(newFragment(1)))
  const leaving = first.unmount()
  const second = await mount(rig, '2')
  await leaving
  const next = await second.createFragment(newFragment(2))
  await next.write(noise(2, 1024))
  t.match(await next.commit(trailerOf(newFragment(2))), { filemark: 3, stream: 1 })
  await second.unmount()
  assert.ok((await readBack(rig, newFragment(1), record)).equals(noise(1, 1024)))
  const tape = await rig.cartridges.open('A00001L8')
  t.match(decodeTapeEnd((await tape.read(tape.index.objects - 3)) as Buffer), {
    file: 4,
    fragments: 2,
    full: false,
  })
})

t.test('a job that lets go takes its open fragment with it, and nothing of the others', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const [one, two] = await Promise.all(['1', '2'].map((jobId) => mount(rig, jobId)))
  if (one === undefined || two === undefined) throw new Error('two mounted')
  const [gone, kept] = await Promise.all([
    one.createFragment(newFragment(1)),
    two.createFragment(newFragment(2)),
  ])
  await Promise.all([gone.write(noise(1, 2 ** 20)), kept.write(noise(2, 2 ** 20))])
  await one.unmount()
  const record = await kept.commit(trailerOf(newFragment(2)))
  await two.unmount()
  t.match(await rig.contents(), [{ kind: 'fragment', backupId: newFragment(2).backupId }])
  assert.ok((await readBack(rig, newFragment(2), record)).equals(noise(2, 2 ** 20)))
})

t.test('waiting for a mount is given up by each for himself', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const reader = await rig.store
    .mount({ allocation: rig.allocationOf('read', 'A00001'), jobId: 'r' })
    .catch(() => undefined)
  t.equal(reader, undefined)
  const other = await rig.store.mount({ allocation: { ...rig.allocationOf('write', 'A00002') }, jobId: '9' })
  const abort = new AbortController()
  await assert.rejects(
    mount(rig, '1'),
    (error: unknown) => error instanceof NbError && error.code === 'media-open-failed',
  )
  await other.unmount()
  const busy = await rig.store.mount({ allocation: rig.allocationOf('read', 'A00002'), jobId: 'r' })
  const impatient = mount(rig, '1', { signal: abort.signal })
  const patient = mount(rig, '2')
  await rounds(3)
  abort.abort()
  await assert.rejects(impatient, isAbortError)
  await busy.unmount()
  const medium = await patient
  const writer = await medium.createFragment(newFragment(2))
  await writer.commit(trailerOf(newFragment(2)))
  await medium.unmount()
  t.equal((await rig.contents()).length, 1)
  const second = new AbortController()
  const again = await rig.store.mount({ allocation: rig.allocationOf('read', 'A00002'), jobId: 'r' })
  const alone = mount(rig, '3', { signal: second.signal })
  await rounds(3)
  second.abort()
  await assert.rejects(alone, isAbortError)
  await again.unmount()
  t.equal((await rig.contents()).length, 1)
})

t.test('a mount that fails is told to all who wait, and tried anew for the next', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const missing = await Promise.allSettled(
    ['1', '2'].map((jobId) => mount(rig, jobId, { volumeId: 'A00009' })),
  )
  t.match(missing, [{ status: 'rejected' }, { status: 'rejected' }])
  const medium = await mount(rig, '1')
  await medium.unmount()
})

t.test('near the end of the medium all jobs are told, and the volume is full', async (t) => {
  const sizes = { capacityBytes: 60 * TAPE_BLOCK_BYTES, earlyWarningBytes: 30 * TAPE_BLOCK_BYTES }
  const rig = await tapeRig(sizes, 'group1')
  const media = await Promise.all(['1', '2', '3'].map((jobId) => mount(rig, jobId)))
  const records = await Promise.all(
    media.map(async (medium, index) => {
      const fragment = newFragment(index + 1)
      const writer = await medium.createFragment(fragment)
      while (writer.mustEnd === false) await writer.write(noise(index, STREAM_BLOCK_BYTES))
      const record = await writer.commit({ ...trailerOf(fragment), last: false })
      await t.rejects(medium.createFragment({ ...fragment, number: 2 }), { code: 'media-end' })
      return record
    }),
  )
  await Promise.all(media.map((medium) => medium.unmount()))
  const tape = await rig.cartridges.open('A00001L8')
  t.match(decodeTapeEnd((await tape.read(tape.index.objects - 3)) as Buffer), { fragments: 3, full: true })
  t.equal((await rig.contents()).length, 3)
  t.ok(records.every(({ streamBytes }) => streamBytes > 0))
  const again = await mount(rig, '1')
  await t.rejects(again.createFragment(newFragment(1)), { code: 'media-end' })
  await again.unmount()
})

t.test(
  'where the medium just ends each job goes on from its last fragment, and all images are whole',
  async (t) => {
    const sizes = { capacityBytes: 90 * TAPE_BLOCK_BYTES, earlyWarningBytes: 0 }
    const rig = await tapeRig(sizes, 'group1')
    const images = [1, 2, 3].map((client) => ({
      client,
      payload: noise(client, 24 * STREAM_BLOCK_BYTES),
      records: [] as FragmentRecord[],
      lost: 0,
    }))
    const fragmentBytes = 4 * STREAM_BLOCK_BYTES
    /** Writes what is missing of an image, in fragments of four blocks as between checkpoints. */
    const goOn = async (image: (typeof images)[number], medium: MountedMedium): Promise<void> => {
      const { client, payload, records } = image
      for (;;) {
        const streamOffset = records.reduce((sum, { streamBytes }) => sum + streamBytes, 0)
        if (streamOffset === payload.length) return
        const fragment = newFragment(client, { number: records.length + 1, streamOffset })
        const writer = await medium.createFragment(fragment)
        await writer.write(payload.subarray(streamOffset, streamOffset + fragmentBytes))
        records.push(await writer.commit(trailerOf(fragment)))
      }
    }
    let volumes = 0
    for (let open = images; open.length > 0; volumes++) {
      const volumeId = `A0000${volumes + 1}`
      const media = await Promise.all(open.map(({ client }) => mount(rig, String(client), { volumeId })))
      const ends = await Promise.allSettled(open.map((image, at) => goOn(image, media[at] as MountedMedium)))
      await Promise.all(media.map((medium) => medium.unmount()))
      const lost = open.filter((_, at) => ends[at]?.status === 'rejected')
      for (const end of ends)
        if (end.status === 'rejected') t.match(end.reason, { code: 'media-end', status: 96 })
      for (const image of lost) image.lost += 1
      open = lost
    }
    t.equal(volumes, 2)
    t.same(
      images.map(({ lost }) => lost),
      [1, 1, 1],
      'the hard end is the end of all',
    )
    for (const { client, payload, records } of images) {
      const pieces: Buffer[] = []
      for (const record of records) {
        const medium = await rig.store.mount({
          allocation: rig.allocationOf('read', record.volumeId),
          jobId: 'r',
        })
        const reader = await medium.openFragment({
          backupId: newFragment(client).backupId,
          copy: 1,
          fragment: record,
        })
        for await (const piece of reader.read({ offset: 0, bytes: record.streamBytes }))
          pieces.push(Buffer.from(piece))
        await reader.close()
        await medium.unmount()
      }
      assert.ok(Buffer.concat(pieces).equals(payload), `image of client ${client}`)
      t.same([...new Set(records.map(({ volumeId }) => volumeId))], ['A00001', 'A00002'])
    }
    // What stands there beside them was written and not reported: where the file could not be closed any more, a footer at its very end.
    const found = [...(await rig.contents('A00001')), ...(await rig.contents('A00002'))]
    const told = found.flatMap((one) => (one.kind === 'fragment' ? [one.fragment] : []))
    for (const { records } of images)
      for (const record of records)
        t.ok(
          told.some(
            ({ volumeId, headerBlock }) => volumeId === record.volumeId && headerBlock === record.headerBlock,
          ),
        )
  },
)

t.test(
  'a process that ends in the middle: what was committed is found, closed and appended to',
  async (t) => {
    const rig = await tapeRig({}, 'group1')
    const media = await Promise.all(['1', '2', '3'].map((jobId) => mount(rig, jobId)))
    const writers = await Promise.all(
      media.map((medium, index) => medium.createFragment(newFragment(index + 1))),
    )
    await Promise.all(writers.map((writer, index) => writer.write(noise(index + 1, 900_096))))
    const record = await writers[1]?.commit(trailerOf(newFragment(2)))
    if (record === undefined) throw new Error('committed')
    await rig.reopen()
    const medium = await mount(rig, '4')
    const next = await medium.createFragment(newFragment(4))
    t.match(await next.commit(trailerOf(newFragment(4))), { filemark: 3 })
    await medium.unmount()
    assert.ok((await readBack(rig, newFragment(2), record)).equals(noise(2, 900_096)))
    t.match(await rig.contents(), [{ fragment: record }, { fragment: { filemark: 3 } }])
    await Promise.allSettled(media.map((one) => one.unmount()))
  },
)

t.test('jobs of a group are given one volume', async (t) => {
  const rig = await tapeRig({}, 'group1')
  const medium = await mount(rig, '1')
  await t.rejects(mount(rig, '2', { volumeId: 'A00002' }), { code: 'media-open-failed' })
  const foreign = { ...rig.allocation('write'), storageUnit: `${storageUnit}-other` }
  await t.rejects(rig.store.mount({ allocation: foreign, jobId: '3' }), { code: 'media-open-failed' })
  await medium.unmount()
})

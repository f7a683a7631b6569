import assert from 'node:assert/strict'
import { TAPE_BLOCK_BYTES, compressFrame } from '@nb/formats'
import { collect } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import { propertyRuns } from '../property-runs.ts'
import { type Piece, isFrame, noise, readSpanned, writeSpanned } from './spanning.ts'
import { type TapeRig, tapeRig } from './tape-rig.ts'

const backupId = 'client1_1767225600'
const names = Array.from({ length: 20 }, (_, at) => `A000${String(at + 1).padStart(2, '0')}`)

/** A library of small volumes; sizes in blocks. */
function smallTapes(capacity: number, warning: number): Promise<TapeRig> {
  return tapeRig({
    slots: names.length + 1,
    volumes: names.map((name) => `${name}L8`),
    capacityBytes: capacity * TAPE_BLOCK_BYTES,
    earlyWarningBytes: warning * TAPE_BLOCK_BYTES,
  })
}

/** Cuts a payload into chunks, or frames, of these numbers of 512 bytes, in turn. */
async function piecesOf(
  payload: Buffer,
  sizes: readonly number[],
  isCompressed: boolean,
): Promise<{ readonly pieces: readonly Piece[]; readonly payload: Buffer }> {
  const pieces: Piece[] = []
  for (let at = 0, turn = 0; at < payload.length; turn++) {
    const length = Math.min(payload.length - at, 512 * (sizes[turn % sizes.length] ?? 1))
    const chunk = payload.subarray(at, at + length)
    pieces.push(
      isCompressed
        ? { stored: await compressFrame(chunk, 'zstd'), streamBytes: length, startsAtMember: turn % 3 === 0 }
        : chunk,
    )
    at += length
  }
  return { pieces, payload }
}

/** The end of every volume but the last says that it is full, and so does the media manager. */
async function endsAreTold(rig: TapeRig, volumes: readonly string[]): Promise<void> {
  for (const volumeId of volumes) {
    assert.equal((await rig.volume(volumeId)).state, 'full', volumeId)
    const medium = await rig.store.mount({ allocation: rig.allocationOf('write', volumeId), jobId: '3' })
    const again = medium.createFragment({
      ...{ backupId, copy: 9, number: 1, streamOffset: 0, startsAtMember: true },
      ...{ client: 'client1', policy: 'policy1', schedule: 'full', createdAt: 0 },
    })
    await assert.rejects(again, { code: 'media-end' })
    await medium.unmount()
  }
}

t.test('a warned fragment ends with room for its trailer, and the image goes on elsewhere', async (t) => {
  const rig = await smallTapes(60, 30)
  const { pieces, payload } = await piecesOf(noise(1, 60 * TAPE_BLOCK_BYTES), [1024], false)
  const { records, seen } = await writeSpanned(rig, { backupId, pieces, volumes: names })
  t.same(
    { hardEnds: seen.hardEnds, shortened: seen.shortened, again: seen.again },
    { hardEnds: 0, shortened: 0, again: 0 },
  )
  t.ok(seen.warned > 0)
  t.ok((await readSpanned(rig, backupId, records)).equals(payload))
  const used = [...new Set(records.map(({ volumeId }) => volumeId as string))]
  t.ok(used.length > 1)
  await endsAreTold(rig, used.slice(0, -1))
  t.equal((await rig.volume(used.at(-1))).state, 'active')
})

t.test('at a hard end without a warning what fits is kept, and what does not is left', async (t) => {
  for (const isCompressed of [false, true]) {
    const rig = await smallTapes(40, 0)
    const made = await piecesOf(noise(2, 70 * TAPE_BLOCK_BYTES), [1000, 7, 300], isCompressed)
    const { records, seen } = await writeSpanned(rig, {
      backupId,
      pieces: made.pieces,
      volumes: names,
      listBytes: 600_000,
    })
    t.ok(seen.hardEnds > 0)
    t.ok(seen.shortened > 0)
    t.equal(seen.again, 0)
    t.ok((await readSpanned(rig, backupId, records)).equals(made.payload))
    const used = [...new Set(records.map(({ volumeId }) => volumeId as string))]
    for (const volumeId of used.slice(0, -1)) {
      const told = await rig.contents(volumeId)
      t.equal(told.length, records.filter((record) => record.volumeId === volumeId).length)
      t.ok(told.every((content) => content.kind === 'fragment' && !content.last))
    }
    await endsAreTold(rig, used.slice(0, -1))
  }
})

t.test('a trailer that does not fit behind the warning takes the place of payload', async (t) => {
  const rig = await smallTapes(40, 3)
  const { pieces, payload } = await piecesOf(noise(3, 50 * TAPE_BLOCK_BYTES), [512], false)
  const { records, seen } = await writeSpanned(rig, {
    backupId,
    pieces,
    volumes: names,
    listBytes: 2_000_000,
  })
  t.ok(seen.shortened > 0)
  t.equal(seen.again, 0)
  t.ok((await readSpanned(rig, backupId, records)).equals(payload))
})

t.test('bad block while writing: the image goes on, whole, on the next volume', async (t) => {
  for (const occurrence of [1, 4, 9, 10]) {
    const rig = await smallTapes(100, 10)
    const { pieces, payload } = await piecesOf(noise(4, 8 * TAPE_BLOCK_BYTES), [300], false)
    const before = await writeSpanned(rig, { backupId: 'client1_0', pieces, volumes: ['A00001'] })
    // The volume is labelled: what is written from here on are header, 8 blocks of payload, trailer, footer.
    rig.library.faults.add({ unit: 'drive1', command: 'write-6', effect: 'write-error', occurrence })
    const { records } = await writeSpanned(rig, { backupId, pieces, volumes: ['A00001', 'A00002'] })
    t.same(rig.library.faults.pending, [])
    t.equal(records.at(-1)?.volumeId, 'A00002', `write ${occurrence}`)
    t.ok((await readSpanned(rig, backupId, records)).equals(payload))
    t.ok((await readSpanned(rig, 'client1_0', before.records)).equals(payload))
    t.match(await collect(rig.media.mediaErrors({})), [
      { volumeId: 'A00001', drive: 'drive1', kind: 'write' },
    ])
    await endsAreTold(rig, ['A00001'])
  }
})

t.test('a bad block that the drive tells of too late ends the fragment, and nothing else', async (t) => {
  const rig = await smallTapes(100, 10)
  const { pieces, payload } = await piecesOf(noise(4, 4 * TAPE_BLOCK_BYTES), [512], false)
  const first = await writeSpanned(rig, { backupId, pieces, volumes: ['A00001'] })
  rig.library.faults.add({
    unit: 'drive1',
    command: 'write-6',
    effect: 'write-error',
    later: 2,
    occurrence: 3,
  })
  const medium = await rig.store.mount({ allocation: rig.allocationOf('write'), jobId: '7' })
  const writer = await medium.createFragment({
    ...{ backupId: 'client1_2', copy: 1, number: 1, streamOffset: 0, startsAtMember: true },
    ...{ client: 'client1', policy: 'policy1', schedule: 'full', createdAt: 0 },
  })
  const writing = (async () => {
    for (let round = 0; round < 9; round++) await writer.write(noise(round, TAPE_BLOCK_BYTES))
  })()
  await t.rejects(writing, { code: 'media-write-failed' })
  await t.rejects(writer.write(Buffer.alloc(512)), { code: 'media-write-failed' }, 'it is discarded')
  await medium.unmount()
  t.match(await collect(rig.media.mediaErrors({})), [
    { volumeId: 'A00001', drive: 'drive1', kind: 'write', jobId: '7' },
  ])
  t.equal((await rig.contents()).length, 1)
  t.ok((await readSpanned(rig, backupId, first.records)).equals(payload))
  const next = await writeSpanned(rig, { backupId: 'client1_3', pieces, volumes: ['A00001'] })
  t.equal(next.records[0]?.filemark, 3, 'it takes the place of what was discarded')
  t.ok((await readSpanned(rig, 'client1_3', next.records)).equals(payload))
})

t.test('while a fragment is written nothing moves the tape', async (t) => {
  const rig = await smallTapes(100, 10)
  const { pieces } = await piecesOf(noise(5, TAPE_BLOCK_BYTES), [512], false)
  const { records } = await writeSpanned(rig, { backupId, pieces, volumes: ['A00001'] })
  const medium = await rig.store.mount({ allocation: rig.allocationOf('write'), jobId: '1' })
  const fragment = records[0]
  assert.ok(fragment !== undefined)
  const reader = await medium.openFragment({ backupId, copy: 1, fragment })
  const writer = await medium.createFragment({
    ...{ backupId: 'client1_2', copy: 1, number: 1, streamOffset: 0, startsAtMember: true },
    ...{ client: 'client1', policy: 'policy1', schedule: 'full', createdAt: 0 },
  })
  await writer.write(noise(6, TAPE_BLOCK_BYTES))
  await t.rejects(collect(reader.read({ offset: 0, bytes: 512 })), { code: 'state-conflict' })
  await t.rejects(medium.openFragment({ backupId, copy: 1, fragment }), { code: 'state-conflict' })
  await t.rejects(medium.createFragment({} as never), { code: 'state-conflict' })
  await writer.commit({ image: {}, fileList: [], endsAtMember: true, last: true })
  t.equal((await collect(reader.read({ offset: 0, bytes: 512 }))).length, 1)
  await medium.unmount()
  await medium.unmount()
  const contents = medium.contents?.() ?? assert.fail('a tape tells what is on it')
  await t.rejects(collect(contents), TypeError)
})

t.test('an image of any size goes onto volumes of any size, and comes back', async (t) => {
  const seen = { hardEnds: 0, shortened: 0, again: 0, warned: 0 }
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(),
        capacity: fc.integer({ min: 22, max: 40 }),
        warning: fc.integer({ min: 0, max: 12 }),
        kilobytes: fc.integer({ min: 0, max: 6000 }),
        sizes: fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 4 }),
        listBytes: fc.constantFrom(0, 1000, 300_000, 1_000_000),
        fragmentBytes: fc.constantFrom(Infinity, 512 * 1001, 10 * TAPE_BLOCK_BYTES),
        isCompressed: fc.boolean(),
      }),
      async ({ seed, capacity, warning, kilobytes, sizes, isCompressed, ...rest }) => {
        const rig = await smallTapes(capacity, warning)
        const made = await piecesOf(noise(seed, kilobytes * 1024), sizes, isCompressed)
        const spanned = await writeSpanned(rig, { backupId, pieces: made.pieces, volumes: names, ...rest })
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += spanned.seen[key]
        const { records } = spanned
        assert.ok((await readSpanned(rig, backupId, records)).equals(made.payload))
        assert.ok(made.pieces.length === 0 || isCompressed === made.pieces.some(isFrame))
        const told = []
        for (const volumeId of new Set(records.map((record) => record.volumeId)))
          for (const content of await rig.contents(volumeId))
            if (content.kind === 'fragment') told.push(content.fragment)
        assert.deepEqual(told, records)
      },
    ),
    propertyRuns(t, 8),
  )
  t.comment(JSON.stringify(seen))
})

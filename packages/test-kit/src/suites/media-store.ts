import assert from 'node:assert/strict'
import { type FragmentWriter, type MountedMedium, isAbortError } from '@nb/contracts'
import { seededRandom } from '../fault-plan.ts'
import { type SuiteContext, type SuiteSetup, declareLacks, withFixture } from '../suite-context.ts'
import { compressedFragments } from './media-store-compressed.ts'
import {
  type Check,
  type MediaStoreFixture,
  type MediaStoreLack,
  backupId,
  collect,
  listed,
  mount,
  newFragment,
  noise,
  ofStream,
  readBack,
  rejects,
  store,
  trailer,
  withReader,
} from './media-store-fixture.ts'

/** The obligations of `MediaStore`, `MountedMedium`, `FragmentWriter` and `FragmentReader`. */
export function mediaStoreSuite(
  context: SuiteContext,
  setup: SuiteSetup<MediaStoreFixture, MediaStoreLack>,
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  const lacks = declareLacks(context, setup)
  writing(check)
  if (lacks('numbers')) writtenAgain(check)
  else numbers(check)
  reading(check)
  damage(check)
  discarding(check)
  names(check, lacks('removal'))
  if (lacks('removal')) contents(check)
  else images(check)
  compressedFragments(check)
}

function writing(check: Check): void {
  check('a committed fragment is what was written, in chunks of any size', async (fixture) => {
    const payload = noise(1, 3 * 2 ** 20 + 512)
    const record = await store(fixture, { payload, chunks: [1, 511, 70_000, 262_144, 1_500_000] })
    const told = { number: 1, streamOffset: 0, streamBytes: payload.length, wholeMembers: true }
    assert.deepEqual(ofStream(record), told)
    assert.ok(record.blockBytes > 0)
    assert.ok((await readBack(fixture, record)).equals(payload))
  })
  check('the buffer of a write may be used again when it resolves', async (fixture) => {
    const payload = noise(2, 600 * 1024)
    const medium = await mount(fixture, 'backup')
    const writer = await medium.createFragment(newFragment())
    const buffer = Buffer.alloc(512)
    for (let at = 0; at < payload.length; at += buffer.length) {
      payload.copy(buffer, 0, at, at + buffer.length)
      await writer.write(buffer)
      buffer.fill(0xee)
      assert.equal(writer.streamBytes, at + buffer.length)
    }
    const record = await writer.commit(trailer())
    await medium.unmount()
    assert.ok((await readBack(fixture, record)).equals(payload))
  })
  check('a fragment may be empty', async (fixture) => {
    const record = await store(fixture, { payload: Buffer.alloc(0) })
    assert.equal(record.streamBytes, 0)
    assert.equal((await readBack(fixture, record)).length, 0)
  })
  check('a fragment that begins or ends inside a member says so', async (fixture) => {
    // A tape keeps whole blocks of it.
    const payload = noise(3, 300 * 1024)
    const cut = await store(fixture, { payload, trailer: { endsAtMember: false, last: false } })
    assert.equal(cut.wholeMembers, false)
    assert.ok((await readBack(fixture, cut)).equals(payload.subarray(0, cut.streamBytes)))
    const rest = { number: 2, streamOffset: cut.streamBytes, startsAtMember: false }
    assert.equal((await store(fixture, { payload, fragment: rest })).wholeMembers, false)
  })
  check('a medium of another storage unit is not mounted', async ({ store, allocation }) => {
    const foreign = { ...allocation('write'), storageUnit: `${store.storageUnit}-other` }
    await rejects(store.mount({ allocation: foreign, jobId: '1', flow: 'backup' }), 'media-open-failed')
  })
  check('an aborted call is an AbortError', async ({ store, allocation }) => {
    const input = { allocation: allocation('write'), jobId: '1', flow: 'backup' } as const
    await assert.rejects(store.mount(input, { signal: AbortSignal.abort() }), isAbortError)
  })
}

function numbers(check: Check): void {
  check('a fragment is never written twice', async (fixture) => {
    await store(fixture, { payload: noise(4, 512) })
    const medium = await mount(fixture, 'backup')
    await rejects(medium.createFragment(newFragment()), 'already-exists')
    await medium.unmount()
  })
}

/** What holds where a number may be written again: the later one counts. */
function writtenAgain(check: Check): void {
  check('a number may be written again, and both are what their records say', async (fixture) => {
    const first = await store(fixture, { payload: noise(4, 512) })
    const second = await store(fixture, { payload: noise(41, 1024) })
    assert.ok((await readBack(fixture, first)).equals(noise(4, 512)))
    assert.ok((await readBack(fixture, second)).equals(noise(41, 1024)))
    const medium = await mount(fixture, 'restore')
    const found = await medium.describeFragment({ backupId, copy: 1, number: 1 })
    assert.deepEqual(found?.fragment, second)
    await found?.close()
    const earlier = await medium.describeFragment({ backupId, copy: 1, number: 1, fragment: first })
    assert.deepEqual(earlier?.fragment, first)
    await earlier?.close()
    await medium.unmount()
  })
}

function reading(check: Check): void {
  check('any range of a fragment can be read, one after the other', async (fixture) => {
    const payload = noise(5, 5 * 2 ** 20)
    const record = await store(fixture, { payload })
    const random = seededRandom(5)
    await withReader(fixture, record, async (reader) => {
      for (let round = 0; round < 40; round++) {
        const offset = Math.floor(random() * payload.length)
        const bytes = Math.floor(random() * Math.min(payload.length - offset, 2 ** (10 + (round % 13))))
        const found = await collect(reader.read({ offset, bytes }))
        assert.ok(found.equals(payload.subarray(offset, offset + bytes)), `${bytes} bytes at ${offset}`)
      }
    })
  })
  check(
    'where blocks can be read in place they are the same, and nothing but whole blocks is',
    async (fixture) => {
      const payload = noise(51, 2 ** 20 + 512)
      const record = await store(fixture, { payload })
      await withReader(fixture, record, async ({ inPlace }) => {
        if (inPlace === undefined) return
        const { blockBytes } = inPlace
        const random = seededRandom(51)
        for (let round = 0; round < 20; round++) {
          const offset = Math.floor((random() * payload.length) / blockBytes) * blockBytes
          const blocks = 1 + Math.floor((random() * (payload.length - offset)) / blockBytes)
          const end = Math.min(payload.length, offset + blocks * blockBytes)
          const into = Buffer.from(new SharedArrayBuffer(end - offset))
          await inPlace.read({ offset, into })
          assert.ok(into.equals(payload.subarray(offset, end)), `${into.length} bytes at ${offset}`)
        }
        const block = new Uint8Array(blockBytes)
        for (const [offset, into] of [
          [512, block],
          [0, block.subarray(512)],
          [Math.floor(payload.length / blockBytes) * blockBytes, block],
        ] as const)
          await assert.rejects(inPlace.read({ offset, into }), TypeError)
        const signal = AbortSignal.abort(new Error('given up'))
        await assert.rejects(inPlace.read({ offset: 0, into: block }, { signal }))
      })
    },
  )
  check('a read that is given up does not spoil the next', async (fixture) => {
    const payload = noise(6, 4 * 2 ** 20)
    const record = await store(fixture, { payload })
    await withReader(fixture, record, async (reader) => {
      for await (const chunk of reader.read({ offset: 0, bytes: payload.length })) {
        assert.ok(chunk.length > 0)
        break
      }
      assert.ok(
        (await collect(reader.read({ offset: 1, bytes: 3_000_000 }))).equals(payload.subarray(1, 3_000_001)),
      )
    })
  })
  check('a fragment tells of itself what was told when it was written', async (fixture) => {
    const list = [noise(61, 70_000), noise(62, 300_000)]
    const image = { backupId, name: 'ä "quoted" \u2028', counts: { entries: 3 } }
    const first = await store(fixture, {
      payload: noise(63, 1024),
      trailer: { image, fileList: list, endsAtMember: false, last: false },
    })
    const rest = { number: 2, streamOffset: first.streamBytes, startsAtMember: false }
    const second = await store(fixture, { payload: noise(64, 512), fragment: rest, trailer: { last: true } })
    const medium = await mount(fixture, 'restore')
    for (const [number, record, isLast] of [
      [1, first, false],
      [2, second, true],
    ] as const) {
      const found = await medium.describeFragment({ backupId, copy: 1, number })
      if (found === undefined) assert.fail(`fragment ${number} is not there`)
      assert.deepEqual(found.fragment, record)
      assert.equal(found.last, isLast)
      if (number === 1) {
        assert.deepEqual(found.image, image)
        assert.ok((await collect(found.readFileList())).equals(Buffer.concat(list)))
      }
      await found.close()
      await found.close()
    }
    assert.equal(await medium.describeFragment({ backupId, copy: 1, number: 3 }), undefined)
    assert.equal(await medium.describeFragment({ backupId, copy: 2, number: 1 }), undefined)
    await medium.unmount()
  })
  check('what is not there is missing', async (fixture) => {
    const record = await store(fixture, { payload: noise(7, 512) })
    const medium = await mount(fixture, 'restore')
    const other = { backupId: 'client1_1', copy: 1, fragment: record }
    await rejects(medium.openFragment(other), 'fragment-missing')
    const next = { backupId, copy: 1, fragment: { ...record, number: 2 } }
    await rejects(medium.openFragment(next), 'fragment-missing')
    await medium.unmount()
  })
}

function damage(check: Check): void {
  check('a damaged block is never delivered, and named', async (fixture) => {
    const payload = noise(8, 2 * 2 ** 20)
    const record = await store(fixture, { payload })
    const block = 3
    const at = block * record.blockBytes + 17
    assert.ok(at < payload.length, 'the suite needs blocks of at most 512 KiB')
    await fixture.damage({ backupId, copy: 1, number: 1, offset: at })
    await withReader(fixture, record, async (reader) => {
      let delivered = 0
      const reading = async (): Promise<void> => {
        for await (const chunk of reader.read({ offset: 0, bytes: payload.length })) delivered += chunk.length
      }
      const error = await rejects(reading(), 'fragment-corrupt')
      assert.equal(error.details['block'], block)
      assert.ok(delivered <= block * record.blockBytes, `${delivered} bytes were delivered`)
      const before = await collect(reader.read({ offset: 0, bytes: block * record.blockBytes }))
      assert.ok(before.equals(payload.subarray(0, before.length)))
      const { inPlace } = reader
      if (inPlace === undefined) return
      const into = Buffer.alloc(2 * record.blockBytes)
      const inIt = await rejects(
        inPlace.read({ offset: at - 17 - record.blockBytes, into }),
        'fragment-corrupt',
      )
      assert.equal(inIt.details['block'], block)
      await inPlace.read({ offset: 0, into })
      assert.ok(into.equals(payload.subarray(0, into.length)))
    })
  })
  check('a fragment that is not the one of the catalog is corrupt', async (fixture) => {
    const record = await store(fixture, { payload: noise(9, 1024) })
    const medium = await mount(fixture, 'restore')
    const wrong = { backupId, copy: 1, fragment: { ...record, streamBytes: 512 } }
    await rejects(medium.openFragment(wrong), 'fragment-corrupt')
    await medium.unmount()
  })
}

function discarding(check: Check): void {
  const absent = async (fixture: MediaStoreFixture): Promise<void> => {
    const medium = await mount(fixture, 'restore')
    const fragment = {
      number: 1,
      streamOffset: 0,
      streamBytes: 1024,
      wholeMembers: true,
      blockBytes: 262_144,
    }
    await rejects(medium.openFragment({ backupId, copy: 1, fragment }), 'fragment-missing')
    await medium.unmount()
  }
  const begin = async (fixture: MediaStoreFixture): Promise<[MountedMedium, FragmentWriter]> => {
    const medium = await mount(fixture, 'backup')
    const writer = await medium.createFragment(newFragment())
    await writer.write(noise(10, 1024))
    return [medium, writer]
  }
  check('a discarded fragment leaves nothing, and its number may be used again', async (fixture) => {
    const [medium, writer] = await begin(fixture)
    await writer.discard()
    await writer.discard()
    await medium.unmount()
    await medium.unmount()
    await absent(fixture)
    await store(fixture, { payload: noise(11, 512) })
  })
  check('discarding after the commit does nothing', async (fixture) => {
    const [medium, writer] = await begin(fixture)
    const record = await writer.commit(trailer())
    await writer.discard()
    await medium.unmount()
    assert.ok((await readBack(fixture, record)).equals(noise(10, 1024)))
  })
  check('unmounting discards what is open', async (fixture) => {
    const [medium] = await begin(fixture)
    await medium.unmount()
    await absent(fixture)
  })
  check('a process that ends leaves committed fragments and nothing else', async (fixture) => {
    const payload = noise(12, 4096)
    const record = await store(fixture, { payload })
    const medium = await mount(fixture, 'backup')
    const writer = await medium.createFragment({ ...newFragment(), number: 2, streamOffset: 4096 })
    await writer.write(noise(13, 8192))
    const again = { ...fixture, store: await fixture.reopen() }
    assert.ok((await readBack(again, record)).equals(payload))
    const reader = await mount(again, 'restore')
    const second = { ...record, number: 2, streamOffset: 4096, streamBytes: 8192 }
    await rejects(reader.openFragment({ backupId, copy: 1, fragment: second }), 'fragment-missing')
    await reader.unmount()
    await store(again, { payload, fragment: { number: 2, streamOffset: 4096 } })
    await medium.unmount()
  })
}

function images(check: Check): void {
  check('images are told by id and copy, and removed so', async (fixture) => {
    const payload = noise(14, 2048)
    await store(fixture, { payload })
    await store(fixture, { payload, fragment: { number: 2, streamOffset: 2048 } })
    await store(fixture, { payload, fragment: { copy: 2 } })
    await store(fixture, { payload, fragment: { backupId: 'client2_1767225601', client: 'client2' } })
    const stored = await listed(fixture)
    assert.deepEqual(
      stored.map(({ backupId: id, copy, fragments }) => [id, copy, fragments]),
      [
        [backupId, 1, 2],
        [backupId, 2, 1],
        ['client2_1767225601', 1, 1],
      ],
    )
    for (const { bytes, fragments } of stored) assert.ok(bytes >= fragments * payload.length)

    const copy = await fixture.store.removeImage({ backupId, copy: 1 })
    assert.equal(copy.fragments, 2)
    assert.deepEqual(
      (await listed(fixture)).map((image) => [image.backupId, image.copy]),
      [
        [backupId, 2],
        ['client2_1767225601', 1],
      ],
    )
    assert.equal((await fixture.store.removeImage({ backupId })).fragments, 1)
    assert.deepEqual(await fixture.store.removeImage({ backupId }), { fragments: 0, bytes: 0 })
    assert.equal((await listed(fixture)).length, 1)
  })
  check(
    'of an unfinished copy all is removed, of one whose last fragment is there nothing',
    async (fixture) => {
      const payload = noise(15, 1024)
      for (const copy of [1, 2]) {
        await store(fixture, { payload, fragment: { copy } })
        const last = { copy, number: 2, streamOffset: 1024 }
        await store(fixture, { payload, fragment: last, trailer: { last: copy === 2 } })
      }
      assert.equal((await fixture.store.removeImage({ backupId, copy: 2, unfinished: true })).fragments, 0)
      assert.equal((await fixture.store.removeImage({ backupId, copy: 1, unfinished: true })).fragments, 2)
      assert.equal((await fixture.store.removeImage({ backupId, unfinished: true })).fragments, 0)
      assert.deepEqual(
        (await listed(fixture)).map(({ copy, fragments }) => [copy, fragments]),
        [[2, 2]],
      )
    },
  )
  check('what lies behind a fragment is removed, committed or not, and the row goes on', async (fixture) => {
    const payload = noise(16, 1024)
    for (const number of [1, 2, 3, 4]) {
      await store(fixture, { payload, fragment: { number, streamOffset: (number - 1) * 1024 } })
      await store(fixture, { payload, fragment: { copy: 2, number, streamOffset: (number - 1) * 1024 } })
    }
    const medium = await mount(fixture, 'backup')
    const open = await medium.createFragment({ ...newFragment(), number: 5, streamOffset: 4096 })
    await open.write(payload)
    const again = { ...fixture, store: await fixture.reopen() }
    assert.equal((await again.store.removeImage({ backupId, copy: 1, after: 4 })).bytes, 0)
    assert.equal((await again.store.removeImage({ backupId, copy: 1, after: 2 })).fragments, 2)
    assert.equal((await again.store.removeImage({ backupId, copy: 1, after: 2 })).fragments, 0)
    assert.equal((await again.store.removeImage({ backupId: 'other_1', after: 2 })).fragments, 0)
    assert.deepEqual(
      (await listed(again)).map(({ copy, fragments }) => [copy, fragments]),
      [
        [1, 2],
        [2, 4],
      ],
    )
    const third = await store(again, { payload, fragment: { number: 3, streamOffset: 2048 } })
    assert.ok((await readBack(again, third)).equals(payload))
    const reader = await mount(again, 'restore')
    await rejects(
      reader.openFragment({ backupId, copy: 1, fragment: { ...third, number: 4, streamOffset: 3072 } }),
      'fragment-missing',
    )
    await reader.unmount()
    await medium.unmount()
  })
}

/** What holds where only a mounted medium tells what is on it, and nothing is removed from it. */
function contents(check: Check): void {
  check('a mounted medium tells what is on it, in the order in which it was written', async (fixture) => {
    const payload = noise(14, 2048)
    const records = [
      await store(fixture, { payload, trailer: { last: false } }),
      await store(fixture, { payload, fragment: { number: 2, streamOffset: 2048 } }),
      await store(fixture, { payload, fragment: { copy: 2 } }),
    ]
    const backup = await mount(fixture, 'backup')
    const open = await backup.createFragment({ ...newFragment(), copy: 3 })
    await open.write(payload)
    await backup.unmount()
    assert.deepEqual(await listed(fixture), [])
    assert.deepEqual(await fixture.store.removeImage({ backupId }), { fragments: 0, bytes: 0 })
    const medium = await mount(fixture, 'restore')
    if (medium.contents === undefined) assert.fail('it does not tell its contents')
    const found = []
    for await (const content of medium.contents()) found.push(content)
    const told = { kind: 'fragment', backupId } as const
    assert.deepEqual(found, [
      { ...told, copy: 1, fragment: records[0], last: false },
      { ...told, copy: 1, fragment: records[1], last: true },
      { ...told, copy: 2, fragment: records[2], last: true },
    ])
    await medium.unmount()
    for (const record of records.slice(0, 2)) assert.ok((await readBack(fixture, record)).equals(payload))
  })
}

/** @param staysForEver - whether nothing can be removed, nor be listed */
function names(check: Check, staysForEver: boolean): void {
  check('a name can hold anything and stays within the storage unit', async (fixture) => {
    const payload = noise(15, 512)
    for (const client of ['../../escape', '.', '..', 'a/b', 'späße', ' -rf', '%2F', 'CON', 'a\u0000b']) {
      const id = `${client}_1767225600`
      const record = await store(fixture, { payload, fragment: { client, backupId: id } })
      assert.ok((await readBack(fixture, record, id)).equals(payload))
      if (staysForEver) continue
      assert.deepEqual(
        (await listed(fixture)).map((image) => image.backupId),
        [id],
      )
      assert.equal((await fixture.store.removeImage({ backupId: id })).fragments, 1)
    }
  })
}

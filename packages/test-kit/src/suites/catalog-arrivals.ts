import assert from 'node:assert/strict'
import { type FileListTotals, isAbortError } from '@nb/contracts'
import { decodeFileListHeader, FileListDecoder } from '@nb/formats'
import type { CatalogCheck } from './catalog-fixture.ts'
import {
  backUp,
  newImage,
  sampleList,
  type SampleList,
  sendBytes,
  sendList,
  takeBytes,
} from './catalog-images.ts'
import { directory, ids, paths, rejects, tree } from './catalog-tree.ts'

/** Obligations of `Catalog` for a list that arrives whole, or not. */
export function arriving(check: CatalogCheck): void {
  check('a list arrives in chunks of any size', async (fixture) => {
    const { catalog, channels } = fixture
    for (const chunkBytes of [1, 7, 100, 1_000_000]) {
      const { backupId } = await catalog.createImage(newImage())
      const list = sampleList(backupId, tree, { batchBytes: 64 })
      assert.ok(list.completion.fileList.batches > 1)
      const { ticket } = await catalog.appendFileList({ backupId })
      await sendBytes(channels, ticket, list.bytes, chunkBytes)
      await catalog.sealFileList({ backupId, totals: list.completion.fileList })
      await catalog.completeImage({ backupId, completion: list.completion })
      const { ticket: out } = await catalog.readFileList({ client: 'web1', backupId })
      assert.ok((await takeBytes(channels, out)).equals(list.bytes))
    }
  })
  check('an image takes one list at a time, and one in all', async (fixture) => {
    const { catalog, channels } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const list = sampleList(backupId, tree)
    const { ticket } = await catalog.appendFileList({ backupId })
    await rejects(catalog.appendFileList({ backupId }), 'state-conflict')
    await sendBytes(channels, ticket, list.bytes)
    await rejects(catalog.appendFileList({ backupId }), 'state-conflict')
  })
  check('a list whose channel broke begins anew', async (fixture) => {
    const { catalog, channels } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const list = sampleList(backupId, tree, { batchBytes: 64 })
    const { ticket } = await catalog.appendFileList({ backupId })
    const channel = await channels.connect({ ticket })
    await channel.write(list.bytes.subarray(0, list.bytes.length - 20))
    channel.abort('the client was switched off')
    const { fileList: totals } = list.completion
    await rejects(catalog.sealFileList({ backupId, totals }), 'file-list-corrupt')
    await rejects(catalog.completeImage({ backupId, completion: list.completion }), 'file-list-corrupt')
    await sendList(fixture, backupId, list)
    await catalog.completeImage({ backupId, completion: list.completion })
    assert.equal((await paths(catalog, '/data')).length, 4)
  })
  check('damage, a foreign list and a torn one are refused, and the sender learns of it', async (fixture) => {
    const { catalog, channels } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const { bytes, completion } = sampleList(backupId, tree)
    const flipped = Buffer.from(bytes)
    flipped[bytes.length - 30] = (flipped[bytes.length - 30] ?? 0) ^ 4
    const wrong = [
      flipped,
      sampleList('web1_5', tree).bytes,
      bytes.subarray(0, -5),
      Buffer.from('no list at all, no'),
    ]
    for (const list of wrong) {
      const { ticket } = await catalog.appendFileList({ backupId })
      await rejects(sendBytes(channels, ticket, list), 'channel-broken')
      await rejects(catalog.sealFileList({ backupId, totals: completion.fileList }), 'file-list-corrupt')
      assert.equal((await catalog.getImage({ backupId }))?.state, 'in-progress')
    }
  })
  check('a list that is shorter than it was told to be is not sealed', async (fixture) => {
    const { catalog, channels } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const { bytes, completion } = sampleList(backupId, tree)
    const { ticket } = await catalog.appendFileList({ backupId })
    await sendBytes(channels, ticket, bytes)
    const { fileList } = completion
    for (const field of ['bytes', 'batches', 'entries'] as const) {
      const totals = { ...fileList, [field]: fileList[field] + 1 }
      await rejects(catalog.sealFileList({ backupId, totals }), 'file-list-corrupt')
    }
    await catalog.sealFileList({ backupId, totals: fileList })
  })
  check('a sealed list survives a restart and can be completed then', async (fixture) => {
    const { backupId } = await fixture.catalog.createImage(newImage())
    const list = sampleList(backupId, tree)
    await sendList(fixture, backupId, list)
    const catalog = await fixture.restart()
    assert.deepEqual(await ids(catalog), [])
    await catalog.completeImage({ backupId, completion: list.completion })
    assert.deepEqual(await ids(catalog), [backupId])
  })
}

/** A list, its whole batches one by one, and the totals behind each of them. */
function inBatches(backupId: string): {
  readonly list: SampleList
  readonly header: Buffer
  readonly totals: readonly FileListTotals[]
} {
  const entriesOfIt = [directory('/data'), ...'abcdefghij'].map((name) =>
    typeof name === 'string' ? { path: `/data/${name}-${name.repeat(20)}` } : name,
  )
  const list = sampleList(backupId, entriesOfIt, { batchBytes: 64 })
  const totals: FileListTotals[] = []
  let entries = 0
  new FileListDecoder().push(list.bytes, {
    onBatch: ({ offset, byteLength, entryCount }) => {
      entries += entryCount
      totals.push({ bytes: offset + byteLength, batches: totals.length + 1, entries })
    },
  })
  const { byteLength } = decodeFileListHeader(list.bytes)
  assert.ok(totals.length > 3)
  return { list, header: list.bytes.subarray(0, byteLength), totals }
}

/** Obligations of `Catalog` for a list that goes on after a checkpoint. */
export function goingOn(check: CatalogCheck): void {
  check('a list goes on after what was made durable, also in a new process', async (fixture) => {
    const { channels } = fixture
    const { backupId } = await fixture.catalog.createImage(newImage())
    const { list, header, totals } = inBatches(backupId)
    let catalog = fixture.catalog
    let after: FileListTotals | undefined
    for (const next of totals) {
      const { ticket } = await catalog.appendFileList({ backupId, ...(after === undefined ? {} : { after }) })
      const channel = await channels.connect({ ticket })
      await channel.write(Buffer.concat([header, list.bytes.subarray(after?.bytes ?? header.length)]))
      await catalog.syncFileList({ backupId, totals: next })
      await catalog.syncFileList({ backupId, totals: next })
      channel.abort('the media server was switched off')
      // What came after the checkpoint is there too, and does not count.
      catalog = await fixture.restart()
      after = next
    }
    const { ticket } = await catalog.appendFileList({ backupId, after: totals[1] as FileListTotals })
    await sendBytes(channels, ticket, Buffer.concat([header, list.bytes.subarray(totals[1]?.bytes)]), 7)
    await catalog.sealFileList({ backupId, totals: list.completion.fileList })
    await catalog.completeImage({ backupId, completion: list.completion })
    const { ticket: out } = await catalog.readFileList({ client: 'web1', backupId })
    assert.ok((await takeBytes(channels, out)).equals(list.bytes))
  })
  check('what is on its way is waited for, and what never comes is not', async ({ catalog, channels }) => {
    const { backupId } = await catalog.createImage(newImage())
    const { list, totals } = inBatches(backupId)
    const [first, second, third] = totals as readonly [FileListTotals, FileListTotals, FileListTotals]
    const { ticket } = await catalog.appendFileList({ backupId })
    const channel = await channels.connect({ ticket })
    await channel.write(list.bytes.subarray(0, first.bytes))
    let synced = false
    const syncing = catalog.syncFileList({ backupId, totals: second }).then(() => (synced = true))
    await catalog.syncFileList({ backupId, totals: first })
    assert.equal(synced, false)
    const wrong = catalog.syncFileList({ backupId, totals: { ...second, entries: second.entries + 1 } })
    const refused = rejects(wrong, 'file-list-corrupt')
    await channel.write(list.bytes.subarray(first.bytes, second.bytes))
    await syncing
    await refused
    const giveUp = new AbortController()
    const given = catalog.syncFileList({ backupId, totals: third }, { signal: giveUp.signal })
    const never = rejects(catalog.syncFileList({ backupId, totals: third }), 'file-list-corrupt')
    giveUp.abort()
    await assert.rejects(given, isAbortError)
    await channel.write(list.bytes.subarray(second.bytes, third.bytes - 1))
    channel.abort('the client was switched off')
    await never
    await catalog.syncFileList({ backupId, totals: second })
  })
  check(
    'going on breaks a channel that is still open, and cuts a list that had come whole',
    async (fixture) => {
      const { catalog, channels } = fixture
      const { backupId } = await catalog.createImage(newImage())
      const { list, header, totals } = inBatches(backupId)
      const after = totals[0] as FileListTotals
      const rest = Buffer.concat([header, list.bytes.subarray(after.bytes)])
      const { ticket } = await catalog.appendFileList({ backupId })
      const forsaken = await channels.connect({ ticket })
      await forsaken.write(list.bytes.subarray(0, after.bytes + 3))
      await catalog.syncFileList({ backupId, totals: after })
      for (let time = 0; time < 2; time++) {
        const again = await catalog.appendFileList({ backupId, after })
        await rejects(forsaken.read(), 'channel-broken')
        await sendBytes(channels, again.ticket, rest)
        await catalog.sealFileList({ backupId, totals: list.completion.fileList })
      }
      await catalog.completeImage({ backupId, completion: list.completion })
      const totalsAgain = catalog.syncFileList({ backupId, totals: after })
      await rejects(totalsAgain, 'state-conflict')
    },
  )
  check('a list does not go on after what is not here, nor as another list', async (fixture) => {
    const { catalog, channels } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const { list, totals } = inBatches(backupId)
    const [first, second] = totals as readonly [FileListTotals, FileListTotals]
    await rejects(catalog.appendFileList({ backupId, after: first }), 'file-list-corrupt')
    const { ticket } = await catalog.appendFileList({ backupId })
    const channel = await channels.connect({ ticket })
    await channel.write(list.bytes.subarray(0, first.bytes))
    await catalog.syncFileList({ backupId, totals: first })
    channel.abort('a test')
    for (const after of [second, { ...first, bytes: first.bytes - 1 }, { ...first, entries: 77 }])
      await rejects(catalog.appendFileList({ backupId, after }), 'file-list-corrupt')
    const reference = await backUp(fixture, { entries: tree })
    const other = sampleList(backupId, tree, { reference })
    const { ticket: again } = await catalog.appendFileList({ backupId, after: first })
    await rejects(sendBytes(channels, again, other.bytes), 'channel-broken')
    await catalog.syncFileList({ backupId, totals: first })
    await rejects(catalog.appendFileList({ backupId: 'web1_7', after: first }), 'image-unknown')
    await rejects(catalog.syncFileList({ backupId: 'web1_7', totals: first }), 'image-unknown')
  })
}

import assert from 'node:assert/strict'
import {
  type Catalog,
  type ErrorCode,
  type FileEntry,
  type FileListTotals,
  type ImageCompletion,
  type ImageFilter,
  type ImageRecord,
  NbError,
  isAbortError,
  pathFromBytes,
  toPath,
  type TreeQuery,
} from '@nb/contracts'
import { FileListDecoder, decodeFileListHeader } from '@nb/formats'
import { collect } from '../collect.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import {
  backUp,
  newImage,
  recordsOf,
  type SampleBackupInput,
  type SampleEntry,
  type SampleList,
  sampleList,
  sendBytes,
  sendList,
  takeBytes,
} from './catalog-images.ts'
import { checking } from './catalog-checks.ts'
import type { CatalogCheck, CatalogFixture } from './catalog-fixture.ts'
import { importing } from './catalog-import.ts'
import { severalPolicies } from './catalog-policies.ts'
import { searching } from './catalog-search.ts'

const directory = (path: string): SampleEntry => ({ path, kind: 'directory' })
const tree: readonly SampleEntry[] = [
  directory('/data'),
  { path: '/data/a.txt', sizeBytes: 10 },
  directory('/data/sub'),
  { path: '/data/sub/deep.txt', sizeBytes: 5000 },
  { path: '/data/sub-2.txt' },
  { path: '/data/sub.txt', kind: 'symlink', linkTarget: 'a.txt' },
]

/** The obligations of `Catalog`. */
export function catalogSuite<Fixture extends CatalogFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const check: CatalogCheck = (name, body) => void withFixture(context, setup, name, body)
  beginnings(check)
  arriving(check)
  goingOn(check)
  completing(check)
  listing(check)
  browsing(check)
  versions(check)
  streams(check)
  severalPolicies(check)
  importing(check)
  reading(check)
  searching(check)
  checking(check)
  expiring(check)
}

function beginnings(check: CatalogCheck): void {
  check(
    'a new image is in progress, has its id, and is seen by nobody who does not ask for it',
    async (fixture) => {
      const { catalog, clock } = fixture
      const input = newImage({ expiresAt: clock.now() + 1000 })
      const image = await catalog.createImage(input)
      assert.equal(image.backupId, `web1_${Math.floor(clock.now() / 1000)}`)
      assert.deepEqual(image, {
        version: 1,
        backupId: image.backupId,
        state: 'in-progress',
        backupTime: clock.now(),
        neededImages: [],
        copies: [],
        ...input,
      })
      assert.deepEqual(await catalog.getImage({ backupId: image.backupId }), image)
      assert.deepEqual(await collect(catalog.listImages({})), [])
      assert.deepEqual(await collect(catalog.listImages({ states: ['in-progress'] })), [image])
      await rejects(collect(catalog.browse({ client: 'web1', path: toPath('/data') })), 'no-image-matches')
    },
  )
  check('two backups in one second have two ids and an order', async (fixture) => {
    const first = await backUp(fixture, { entries: tree })
    const second = await backUp(fixture, { entries: tree.slice(0, 2) })
    assert.notEqual(first.image.backupId, second.image.backupId)
    assert.deepEqual(await ids(fixture.catalog), [second.image.backupId, first.image.backupId])
    assert.deepEqual(await paths(fixture.catalog, '/data'), ['/data/a.txt'])
  })
  check(
    'an id is never given twice, also after the image is forgotten and the catalog restarted',
    async (fixture) => {
      const { backupId } = await fixture.catalog.createImage(newImage())
      await fixture.catalog.discardImage({ backupId, reason: 'a test' })
      await fixture.catalog.forgetImage({ backupId })
      assert.equal(await fixture.catalog.getImage({ backupId }), undefined)
      const again = await fixture.catalog.createImage(newImage())
      assert.notEqual(again.backupId, backupId)
      await fixture.catalog.discardImage({ backupId: again.backupId, reason: 'a test' })
      await fixture.catalog.forgetImage({ backupId: again.backupId })
      const third = await (await fixture.restart()).createImage(newImage())
      assert.equal(new Set([backupId, again.backupId, third.backupId]).size, 3)
    },
  )
  check('client names of any kind stay apart', async ({ catalog, channels }) => {
    const clients = ['../web1', 'web1', 'WEB1', 'web1_5', 'web 1', '.', 'wéb/1', '%2E']
    for (const client of clients) await backUp({ catalog, channels }, { client, entries: tree })
    for (const client of clients) {
      const images = await collect(catalog.listImages({ client }))
      assert.deepEqual(
        images.map((image) => image.client),
        [client],
      )
      assert.deepEqual(await paths(catalog, '/data/a.txt', client), ['/data/a.txt'])
    }
  })
  check('what is no image is refused', async ({ catalog }) => {
    await rejects(catalog.createImage(newImage({ client: '' })), 'argument-invalid')
    await rejects(catalog.createImage(newImage({ client: 'x'.repeat(300) })), 'argument-invalid')
    await rejects(catalog.createImage(newImage({ client: 'line\nbreak' })), 'argument-invalid')
    await rejects(catalog.createImage(newImage({ referenceId: 'web1_1' })), 'image-unknown')
    assert.equal(await catalog.getImage({ backupId: '../../etc' }), undefined)
    await rejects(catalog.appendFileList({ backupId: 'web1_1' }), 'image-unknown')
    await rejects(catalog.discardImage({ backupId: 'web1_1', reason: 'a test' }), 'image-unknown')
    await rejects(catalog.expireImage({ backupId: 'web1_1' }), 'image-unknown')
  })
  check('a discarded image is given up for good', async (fixture) => {
    const { catalog } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const { ticket } = await catalog.appendFileList({ backupId })
    const channel = await fixture.channels.connect({ ticket })
    await catalog.discardImage({ backupId, reason: 'the client is gone' })
    await rejects(channel.read(), 'channel-broken')
    await catalog.discardImage({ backupId, reason: 'asked again' })
    assert.equal((await catalog.getImage({ backupId }))?.state, 'discarded')
    await rejects(catalog.appendFileList({ backupId }), 'state-conflict')
    const { completion } = sampleList(backupId, tree)
    await rejects(catalog.completeImage({ backupId, completion }), 'state-conflict')
    await rejects(catalog.expireImage({ backupId }), 'state-conflict')
    await catalog.forgetImage({ backupId })
    await catalog.forgetImage({ backupId })
    assert.equal(await catalog.getImage({ backupId }), undefined)
  })
}

function arriving(check: CatalogCheck): void {
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

function goingOn(check: CatalogCheck): void {
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

function completing(check: CatalogCheck): void {
  check('a complete image has all that the backup told, and is browsable', async (fixture) => {
    const { catalog, clock } = fixture
    const { image, list } = await backUp(fixture, { entries: tree, jobId: 'job-7' })
    const { counts, copies, status } = list.completion
    const expected = { state: 'complete', jobId: 'job-7', completedAt: clock.now(), counts, copies, status }
    assert.deepEqual({ ...image, ...expected }, image)
    assert.deepEqual(await catalog.getImage({ backupId: image.backupId }), image)
    assert.deepEqual(await collect(catalog.listImages({})), [image])
    assert.equal((await paths(catalog, '/data')).length, 4)
  })
  check('completing again answers the same; with other facts it is refused', async (fixture) => {
    const { catalog } = fixture
    const { image, list } = await backUp(fixture, { entries: tree })
    const { backupId } = image
    const { completion } = list
    assert.deepEqual(await catalog.completeImage({ backupId, completion }), image)
    await rejects(
      catalog.completeImage({ backupId, completion: { ...completion, status: 1 } }),
      'state-conflict',
    )
    await rejects(catalog.discardImage({ backupId, reason: 'a test' }), 'state-conflict')
    await rejects(catalog.forgetImage({ backupId }), 'state-conflict')
    assert.deepEqual(await catalog.getImage({ backupId }), image)
  })
  check('an image whose parts do not fit together stays in progress', async (fixture) => {
    const { catalog } = fixture
    const { backupId } = await catalog.createImage(newImage())
    const { completion, ...list } = sampleList(backupId, tree)
    await sendList(fixture, backupId, { completion, ...list })
    const wrong = contradictions(completion)
    for (const [what, code, told] of wrong) {
      await rejects(catalog.completeImage({ backupId, completion: told }), code, what)
      assert.equal((await catalog.getImage({ backupId }))?.state, 'in-progress', what)
    }
    await rejects(collect(catalog.browse({ client: 'web1', path: toPath('/data') })), 'no-image-matches')
    await catalog.completeImage({ backupId, completion })
    assert.deepEqual(await ids(catalog), [backupId])
  })
  check('an image is not completed upon data that is not kept', async (fixture) => {
    const { catalog } = fixture
    const full = await backUp(fixture, { entries: tree })
    const { backupId } = await catalog.createImage(newImage({ scheduleType: 'differential' }))
    const list = sampleList(backupId, tree, { reference: full })
    await sendList(fixture, backupId, list)
    await catalog.expireImage({ backupId: full.image.backupId })
    await rejects(catalog.completeImage({ backupId, completion: list.completion }), 'image-inconsistent')
    assert.deepEqual(await ids(catalog), [])
  })
  check('only images whose data is referred to are needed', async (fixture) => {
    const full = await backUp(fixture, { entries: tree })
    const second = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    assert.deepEqual(second.image.neededImages, [full.image.backupId])
    const third = await backUp(fixture, {
      entries: tree.map((entry) => ({ ...entry, version: 5 })),
      reference: second,
    })
    assert.deepEqual(third.image.neededImages, [])
    assert.equal(third.image.referenceId, second.image.backupId)
  })
  check('steps 6, 11 and 15 leave their lines in the job log, in order', async (fixture) => {
    await backUp(fixture, { entries: tree, jobId: 'job-9' })
    const lines = fixture.jobLines('job-9')
    assert.ok(lines.every(({ component, step }) => component === 'catalog' && step?.flow === 'backup'))
    assert.deepEqual([...new Set(lines.map(({ step }) => step?.number))], [6, 11, 15])
  })
}

function contradictions(right: ImageCompletion): [string, ErrorCode, ImageCompletion][] {
  const { counts, copies, fileList } = right
  const [copy] = copies
  const [first, second] = copy?.fragments ?? []
  assert.ok(copy !== undefined && first !== undefined && second !== undefined)
  const withCounts = (changes: Partial<typeof counts>): ImageCompletion => ({
    ...right,
    counts: { ...counts, ...changes },
  })
  const withFragments = (fragments: (typeof copy)['fragments']): ImageCompletion => ({
    ...right,
    copies: [{ ...copy, fragments }],
  })
  return [
    ['entries', 'image-inconsistent', withCounts({ entries: counts.entries + 1 })],
    ['stored entries', 'image-inconsistent', withCounts({ storedEntries: counts.storedEntries - 1 })],
    ['bytes', 'image-inconsistent', withCounts({ bytes: counts.bytes - 1 })],
    ['length of the stream', 'image-inconsistent', withCounts({ streamBytes: counts.streamBytes + 512 })],
    [
      'totals of the list',
      'file-list-corrupt',
      { ...right, fileList: { ...fileList, entries: fileList.entries + 1 } },
    ],
    ['no copy', 'image-inconsistent', { ...right, copies: [] }],
    ['a copy twice', 'image-inconsistent', { ...right, copies: [copy, copy] }],
    ['no fragment', 'image-inconsistent', withFragments([])],
    ['a missing fragment', 'image-inconsistent', withFragments([first])],
    ['fragments in disorder', 'image-inconsistent', withFragments([second, first])],
    [
      'a gap',
      'image-inconsistent',
      withFragments([{ ...first, streamBytes: first.streamBytes - 1 }, second]),
    ],
    [
      'members beyond the stream',
      'image-inconsistent',
      {
        ...withCounts({ streamBytes: 512 }),
        copies: [{ ...copy, fragments: [{ ...first, streamBytes: 512 }] }],
      },
    ],
  ]
}

function listing(check: CatalogCheck): void {
  check('images are listed newest first, by any of their conditions', async (fixture) => {
    const { catalog, clock } = fixture
    const made: ImageRecord[] = []
    for (const changes of [
      {},
      { client: 'web2' },
      { policy: 'weekly', schedule: 'other' },
      { scheduleType: 'cumulative' as const },
      { client: 'web2', policy: 'weekly' },
    ]) {
      made.unshift((await backUp(fixture, { entries: tree, ...changes })).image)
      await clock.advance(60_000)
    }
    const filters: ImageFilter[] = [
      {},
      { client: 'web1' },
      { client: 'web3' },
      { policy: 'weekly' },
      { client: 'web2', policy: 'weekly' },
      { schedule: 'other' },
      { scheduleTypes: ['cumulative', 'user-backup'] },
      { from: made[2]?.backupTime ?? 0 },
      { to: made[2]?.backupTime ?? 0 },
      { from: made[3]?.backupTime ?? 0, to: made[1]?.backupTime ?? 0, client: 'web1' },
      { policy: 'weekly', limit: 1 },
      { limit: 3 },
      { limit: 0 },
      { backupId: made[1]?.backupId ?? '' },
      { backupId: made[1]?.backupId ?? '', client: 'web2' },
      { states: ['expired'] },
      { states: [] },
    ]
    for (const filter of filters) {
      const expected = made.filter((image) => fits(image, filter)).slice(0, filter.limit ?? made.length)
      assert.deepEqual(await collect(catalog.listImages(filter)), expected, JSON.stringify(filter))
    }
  })
  check('a listing may be left early', async (fixture) => {
    for (let count = 0; count < 3; count++) await backUp(fixture, { entries: tree })
    for await (const image of fixture.catalog.listImages({})) {
      assert.equal(image.state, 'complete')
      break
    }
  })
  check('everything is as it was after a restart', async (fixture) => {
    const full = await backUp(fixture, { entries: tree, expiresAt: fixture.clock.now() + 1 })
    await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    await backUp(fixture, { entries: tree, client: 'web2' })
    await fixture.catalog.createImage(newImage())
    const all: ImageFilter = { states: ['in-progress', 'complete', 'expired', 'discarded'] }
    const images = await collect(fixture.catalog.listImages(all))
    const entries = await collect(
      fixture.catalog.browse({ client: 'web1', path: toPath('/'), recursive: true }),
    )
    const catalog = await fixture.restart()
    assert.deepEqual(await collect(catalog.listImages(all)), images)
    const after = await collect(catalog.browse({ client: 'web1', path: toPath('/'), recursive: true }))
    assert.deepEqual(after, entries)
    await rejects(catalog.expireImage({ backupId: full.image.backupId }), 'image-needed')
  })
}

function fits(image: ImageRecord, filter: ImageFilter): boolean {
  const { backupId, client, policy, schedule, scheduleTypes, states = ['complete'], from, to } = filter
  return (
    [undefined, image.backupId].includes(backupId) &&
    [undefined, image.client].includes(client) &&
    [undefined, image.policy].includes(policy) &&
    [undefined, image.schedule].includes(schedule) &&
    (scheduleTypes === undefined || scheduleTypes.includes(image.scheduleType)) &&
    states.includes(image.state) &&
    image.backupTime >= (from ?? 0) &&
    image.backupTime <= (to ?? Infinity)
  )
}

function browsing(check: CatalogCheck): void {
  check('a directory shows what is directly in it, a file itself', async (fixture) => {
    const { catalog } = fixture
    await backUp(fixture, { entries: tree })
    assert.deepEqual(await paths(catalog, '/data'), [
      '/data/a.txt',
      '/data/sub',
      '/data/sub-2.txt',
      '/data/sub.txt',
    ])
    assert.deepEqual(await paths(catalog, '/data/'), await paths(catalog, '/data'))
    assert.deepEqual(await paths(catalog, '/data/sub'), ['/data/sub/deep.txt'])
    assert.deepEqual(await paths(catalog, '/data/a.txt'), ['/data/a.txt'])
    const below = await collect(catalog.browse({ client: 'web1', path: toPath('/data'), recursive: true }))
    assert.deepEqual(
      below.map(({ path }) => path),
      ['/data/a.txt', '/data/sub', '/data/sub/deep.txt', '/data/sub-2.txt', '/data/sub.txt'],
    )
  })
  check('what lies above the selections leads to them', async (fixture) => {
    await backUp(fixture, { entries: [...tree, directory('/srv/www'), { path: '/srv/www/index.html' }] })
    assert.deepEqual(await paths(fixture.catalog, '/'), ['/data', '/srv/www'])
    assert.deepEqual(await paths(fixture.catalog, '/srv'), ['/srv/www'])
  })
  check('an entry tells all that was saved of it', async (fixture) => {
    const odd = Buffer.from([0x2f, 0x64, 0x61, 0x74, 0x61, 0x2f, 0xff, 0x0a])
    const entries: SampleEntry[] = [
      ...tree,
      { path: odd, sizeBytes: 2 ** 40 },
      { path: '/data/null', kind: 'character-device' },
      { path: '/data/secret', unreadable: true },
    ]
    const { image } = await backUp(fixture, { entries })
    const found = await collect(fixture.catalog.browse({ client: 'web1', path: pathFromBytes(odd) }))
    const expected: FileEntry = {
      path: pathFromBytes(odd),
      kind: 'file',
      mode: 0o644,
      uid: 1000,
      gid: 1000,
      sizeBytes: 2 ** 40,
      mtimeNs: '1700000000000000001',
      ctimeNs: '1700000000000000002',
      linkCount: 1,
      backupId: image.backupId,
      dataImage: image.backupId,
    }
    assert.deepEqual(found, [expected])
    const [link] = await collect(fixture.catalog.browse({ client: 'web1', path: toPath('/data/sub.txt') }))
    assert.equal(link?.linkTarget, 'a.txt')
    const [device] = await collect(fixture.catalog.browse({ client: 'web1', path: toPath('/data/null') }))
    assert.deepEqual([device?.deviceMajor, device?.deviceMinor], [8, 1])
    const [secret] = await collect(fixture.catalog.browse({ client: 'web1', path: toPath('/data/secret') }))
    assert.equal(secret?.unreadable, true)
  })
  check('a date shows the tree as it was then, deletions and all', async (fixture) => {
    const { catalog, clock } = fixture
    const before = clock.now()
    await clock.advance(60_000)
    const full = await backUp(fixture, { entries: tree })
    await clock.advance(60_000)
    const less = tree.filter(({ path }) => path !== '/data/a.txt')
    const incremental = await backUp(fixture, { entries: [...less, { path: '/data/new' }], reference: full })
    await clock.advance(60_000)
    const at = (time: number): Promise<string[]> => paths(catalog, '/data', 'web1', { at: time })
    await rejects(at(before), 'no-image-matches')
    assert.ok((await at(full.image.backupTime)).includes('/data/a.txt'))
    assert.deepEqual(await at(incremental.image.backupTime - 1), await at(full.image.backupTime))
    assert.ok(!(await at(incremental.image.backupTime)).includes('/data/a.txt'))
    assert.deepEqual(await paths(catalog, '/data'), await at(clock.now()))
    await rejects(paths(catalog, '/data/a.txt'), 'path-not-backed-up')
    const [carried] = await collect(catalog.browse({ client: 'web1', path: toPath('/data/sub/deep.txt') }))
    assert.equal(carried?.backupId, incremental.image.backupId)
    assert.equal(carried?.dataImage, full.image.backupId)
    const { backupId } = full.image
    assert.ok((await paths(catalog, '/data', 'web1', { backupId })).includes('/data/a.txt'))
  })
  check('of several policies the newest image that holds the path answers', async (fixture) => {
    const { catalog, clock } = fixture
    await backUp(fixture, { entries: tree, policy: 'daily' })
    await clock.advance(60_000)
    await backUp(fixture, { entries: [directory('/etc'), { path: '/etc/hosts' }], policy: 'system' })
    assert.deepEqual(await paths(catalog, '/etc'), ['/etc/hosts'])
    assert.deepEqual(await paths(catalog, '/data/sub'), ['/data/sub/deep.txt'])
    await rejects(paths(catalog, '/data', 'web1', { policy: 'system' }), 'path-not-backed-up')
    await rejects(paths(catalog, '/data', 'web1', { policy: 'none' }), 'no-image-matches')
  })
  check('what is not there, and what is no path, is said', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: tree })
    await rejects(paths(catalog, '/data/none'), 'path-not-backed-up')
    await rejects(paths(catalog, '/data/su'), 'path-not-backed-up')
    await rejects(paths(catalog, '/data', 'web2'), 'no-image-matches')
    await rejects(paths(catalog, '/data', 'web1', { backupId: 'web1_1' }), 'no-image-matches')
    await rejects(paths(catalog, '/data', 'web2', { backupId: image.backupId }), 'no-image-matches')
    for (const path of ['data', '', '/data/../etc', '/data//a', '/./data'])
      await rejects(paths(catalog, path), 'argument-invalid')
  })
}

function versions(check: CatalogCheck): void {
  check(
    'the states of a file come newest first, each once, with the newest image that has it',
    async (fixture) => {
      const { catalog, clock } = fixture
      const full = await backUp(fixture, { entries: tree })
      await clock.advance(60_000)
      const same = await backUp(fixture, { entries: tree, reference: full })
      await clock.advance(60_000)
      const other = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: same })
      await clock.advance(60_000)
      await backUp(fixture, { entries: tree.slice(2), reference: other })
      const states = await collect(catalog.versions({ client: 'web1', path: toPath('/data/a.txt') }))
      assert.deepEqual(
        states.map(({ backupId, dataImage }) => [backupId, dataImage]),
        [
          [other.image.backupId, other.image.backupId],
          [same.image.backupId, full.image.backupId],
        ],
      )
      assert.deepEqual(await collect(catalog.versions({ client: 'web1', path: toPath('/none') })), [])
      assert.deepEqual(
        await collect(catalog.versions({ client: 'web1', policy: 'x', path: toPath('/data') })),
        [],
      )
    },
  )
}

const streamSet = ['root', 'home', 'srv']

/** One backup of one stream of policy `daily`. */
function streamOf(stream: string, selection: string, entries: readonly SampleEntry[]): SampleBackupInput {
  return { stream, streamSet, selections: [toPath(selection)], entries: [directory(selection), ...entries] }
}

const rootStream = streamOf('root', '/', [
  directory('/etc'),
  { path: '/etc/hosts' },
  // Mount points of the other two.
  directory('/home'),
  directory('/srv'),
])
const homeStream = streamOf('home', '/home', [{ path: '/home/ann' }])
const srvStream = streamOf('srv', '/srv', [{ path: '/srv/www', sizeBytes: 7 }])

function streams(check: CatalogCheck): void {
  check('the newest images of all streams of a policy are one tree', async (fixture) => {
    const { catalog, clock } = fixture
    const made: ImageRecord[] = []
    for (const stream of [homeStream, rootStream, srvStream]) {
      made.push((await backUp(fixture, stream)).image)
      await clock.advance(60_000)
    }
    const [home, whole, srv] = made
    assert.deepEqual([whole?.stream, whole?.streamSet], ['root', streamSet])
    assert.deepEqual(await paths(catalog, '/'), ['/etc', '/home', '/srv'])
    assert.deepEqual(await paths(catalog, '/home'), ['/home/ann'])
    const all = await collect(catalog.browse({ client: 'web1', path: toPath('/'), recursive: true }))
    assert.deepEqual(
      all.map(({ path, backupId }) => [path, backupId]),
      [
        ['/etc', whole?.backupId],
        ['/etc/hosts', whole?.backupId],
        ['/home', home?.backupId],
        ['/home/ann', home?.backupId],
        ['/srv', srv?.backupId],
        ['/srv/www', srv?.backupId],
      ],
    )
    await rejects(paths(catalog, '/srv/none'), 'path-not-backed-up')
    const { image, ticket } = await catalog.readFileList({ client: 'web1' })
    assert.deepEqual(image, srv)
    const { images, records } = recordsOf(await takeBytes(fixture.channels, ticket))
    assert.deepEqual(
      records.map(({ path, imageIndex }) => [path.toString(), images[imageIndex]]),
      [['/', whole?.backupId], ...all.map(({ path, dataImage }) => [path, dataImage])],
    )
    // The sample gives every file one identity: what is one file in one list is not so in two.
    const identities = new Map(
      records.map(({ identity, imageIndex }) => [`${identity.device}:${identity.inode}`, imageIndex]),
    )
    assert.equal(identities.size, 3)
  })
  check(
    'the images of a tree are told by stream, for some paths only those they belong to',
    async (fixture) => {
      const { catalog } = fixture
      for (const stream of [srvStream, rootStream, homeStream]) await backUp(fixture, stream)
      const told = async (...asked: string[]): Promise<(string | undefined)[]> => {
        const query = { client: 'web1', ...(asked.length === 0 ? {} : { paths: asked.map(toPath) }) }
        return (await collect(catalog.treeImages(query))).map(({ stream }) => stream)
      }
      assert.deepEqual(await told(), ['home', 'root', 'srv'])
      assert.deepEqual(await told('/home/ann'), ['home'])
      assert.deepEqual(await told('/etc'), ['root'])
      assert.deepEqual(await told('/etc', '/srv/www'), ['root', 'srv'])
      assert.deepEqual(await told('/'), ['home', 'root', 'srv'])
      await rejects(told('/home/bob'), 'path-not-backed-up')
      await rejects(collect(catalog.treeImages({ client: 'web2' })), 'no-image-matches')
      await rejects(told('home'), 'argument-invalid')
      const { image } = await backUp(fixture, { entries: tree, policy: 'single' })
      assert.deepEqual(await collect(catalog.treeImages({ client: 'web1', policy: 'single' })), [image])
    },
  )
  check('images that are named are a tree, though newer ones have come', async (fixture) => {
    const { catalog } = fixture
    for (const stream of [rootStream, homeStream]) await backUp(fixture, stream)
    const query = { client: 'web1', paths: [toPath('/home'), toPath('/etc')] }
    const backupIds = (await collect(catalog.treeImages(query))).map(({ backupId }) => backupId)
    await backUp(fixture, streamOf('home', '/home', [{ path: '/home/bob' }]))
    assert.deepEqual(await paths(catalog, '/home'), ['/home/bob'])
    assert.deepEqual(await paths(catalog, '/home', 'web1', { backupIds }), ['/home/ann'])
    const { image } = await catalog.readFileList({ client: 'web1', backupIds })
    assert.equal(image.stream, 'home')
    for (const wrong of [{ backupIds: [] }, { backupIds, backupId: image.backupId }])
      await rejects(paths(catalog, '/home', 'web1', wrong), 'argument-invalid')
    await rejects(paths(catalog, '/', 'web1', { backupIds: [...backupIds, 'web1_1'] }), 'no-image-matches')
    await rejects(paths(catalog, '/', 'web2', { backupIds }), 'no-image-matches')
  })
  check('a date shows every stream as it was then', async (fixture) => {
    const { catalog, clock } = fixture
    const first = await backUp(fixture, homeStream)
    await clock.advance(60_000)
    const second = await backUp(fixture, rootStream)
    await clock.advance(60_000)
    await backUp(fixture, streamOf('home', '/home', []))
    assert.deepEqual(await paths(catalog, '/home'), [])
    assert.deepEqual(await paths(catalog, '/home', 'web1', { at: second.image.backupTime }), ['/home/ann'])
    await rejects(paths(catalog, '/etc', 'web1', { at: first.image.backupTime }), 'path-not-backed-up')
  })
  check(
    'what belongs to no stream any more, and older images without streams, are not in the tree',
    async (fixture) => {
      const { catalog, clock } = fixture
      await backUp(fixture, { entries: tree })
      await clock.advance(60_000)
      await backUp(fixture, { ...homeStream, stream: 'gone', streamSet: ['root', 'gone'] })
      await clock.advance(60_000)
      await backUp(fixture, rootStream)
      assert.deepEqual(await paths(catalog, '/'), ['/etc', '/home', '/srv'])
      assert.deepEqual(await paths(catalog, '/home'), [], 'the mount point is all that the stream has of it')
      await rejects(paths(catalog, '/data'), 'path-not-backed-up')
      await clock.advance(60_000)
      await backUp(fixture, { entries: tree })
      assert.deepEqual(await paths(catalog, '/'), ['/data'], 'a policy without streams again')
    },
  )
  check(
    'each stream has its own expiry, and an expired one leaves the tree to the one before',
    async (fixture) => {
      const { catalog, clock } = fixture
      const old = await backUp(fixture, homeStream)
      await backUp(fixture, rootStream)
      const next = await backUp(fixture, {
        ...streamOf('home', '/home', [{ path: '/home/ann' }, { path: '/home/bob' }]),
        reference: old,
        expiresAt: clock.now() + 1000,
      })
      assert.deepEqual(next.image.neededImages, [old.image.backupId])
      await rejects(catalog.expireImage({ backupId: old.image.backupId }), 'image-needed')
      assert.deepEqual(await paths(catalog, '/home'), ['/home/ann', '/home/bob'])
      await clock.advance(1000)
      assert.deepEqual(await catalog.expireDue({}), { expired: [next.image.backupId], held: [] })
      assert.deepEqual(await paths(catalog, '/home'), ['/home/ann'])
      await catalog.expireImage({ backupId: old.image.backupId })
      assert.deepEqual(await paths(catalog, '/home'), [])
    },
  )
  check('versions of a file come from all its images, also of a stream', async (fixture) => {
    const { catalog } = fixture
    const first = await backUp(fixture, homeStream)
    await backUp(fixture, rootStream)
    const second = await backUp(fixture, streamOf('home', '/home', [{ path: '/home/ann', version: 2 }]))
    const states = await collect(catalog.versions({ client: 'web1', path: toPath('/home/ann') }))
    assert.deepEqual(
      states.map(({ backupId }) => backupId),
      [second.image.backupId, first.image.backupId],
    )
  })
  check('images are listed by their stream, and a stream that is none is refused', async (fixture) => {
    const { image } = await backUp(fixture, homeStream)
    await backUp(fixture, rootStream)
    await backUp(fixture, { entries: tree })
    assert.deepEqual(await collect(fixture.catalog.listImages({ stream: 'home' })), [image])
    const catalog = await fixture.restart()
    assert.deepEqual(await collect(catalog.listImages({ stream: 'home' })), [image])
    for (const wrong of [
      { stream: '' },
      { stream: 'x'.repeat(5000) },
      { streamSet },
      { stream: 'other', streamSet },
      { stream: 'home', streamSet: ['home', 'home'] },
    ])
      await rejects(catalog.createImage(newImage(wrong)), 'argument-invalid', JSON.stringify(wrong))
  })
}

function reading(check: CatalogCheck): void {
  check('a list is read whole, byte for byte', async (fixture) => {
    const { catalog, channels } = fixture
    const full = await backUp(fixture, { entries: tree })
    const next = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    const { image, ticket } = await catalog.readFileList({ client: 'web1' })
    assert.deepEqual(image, next.image)
    assert.ok((await takeBytes(channels, ticket)).equals(next.list.bytes))
  })
  check('a list is read of paths and what is below them', async (fixture) => {
    const { catalog, channels } = fixture
    const full = await backUp(fixture, { entries: tree })
    const next = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    const wanted = async (...asked: string[]): Promise<string[]> => {
      const { ticket } = await catalog.readFileList({ client: 'web1', paths: asked.map(toPath) })
      const { images, records } = recordsOf(await takeBytes(channels, ticket))
      assert.deepEqual(images, next.list.images)
      for (const record of records)
        assert.deepEqual(
          record,
          next.list.records.find(({ path }) => path.equals(record.path)),
        )
      return records.map(({ path }) => path.toString())
    }
    assert.deepEqual(await wanted('/data/sub'), ['/data/sub', '/data/sub/deep.txt'])
    assert.deepEqual(await wanted('/data/sub.txt', '/data/sub/deep.txt', '/data/sub', '/data/sub'), [
      '/data/sub',
      '/data/sub/deep.txt',
      '/data/sub.txt',
    ])
    assert.equal((await wanted('/')).length, tree.length)
  })
  check('a big list waits for its reader, and a reader that goes away ends it', async (fixture) => {
    const { catalog, channels } = fixture
    const entries = Array.from({ length: 40_000 }, (_, number) => ({ path: `/data/file-${number}` }))
    const { list } = await backUp(fixture, { entries })
    const gone = await channels.connect({ ticket: (await catalog.readFileList({ client: 'web1' })).ticket })
    assert.ok(((await gone.read())?.length ?? 0) > 0)
    gone.abort('the reader is gone')
    const { ticket } = await catalog.readFileList({ client: 'web1' })
    assert.ok((await takeBytes(channels, ticket)).equals(list.bytes))
  })
  check(
    'a damaged list is remembered before its reader is told, until it is sound again',
    async (fixture) => {
      const entries = Array.from({ length: 20_000 }, (_, number) => ({ path: `/data/file-${number}` }))
      const { image, list } = await backUp(fixture, { entries: [directory('/data'), ...entries] })
      const { backupId } = image
      const damaged = Buffer.from(list.bytes)
      damaged[damaged.length - 20] = (damaged[damaged.length - 20] ?? 0) ^ 1
      await fixture.replaceFileList(backupId, damaged)
      const read = async (catalog: Catalog): Promise<Buffer> =>
        takeBytes(fixture.channels, (await catalog.readFileList({ client: 'web1' })).ticket)
      const error = await rejects(read(fixture.catalog), 'channel-broken')
      assert.ok(error.message.includes(backupId), error.message)
      const marked = await fixture.catalog.getImage({ backupId })
      assert.match(marked?.damaged ?? '', /file list .* is damaged/)
      assert.deepEqual({ ...marked, damaged: undefined }, { ...image, damaged: undefined })
      const catalog = await fixture.restart()
      assert.deepEqual(await collect(catalog.listImages({})), [marked])
      assert.deepEqual(
        await paths(catalog, '/data/file-0'),
        ['/data/file-0'],
        'what is whole is answered from',
      )
      await rejects(paths(catalog, '/data'), 'file-list-corrupt')

      await fixture.replaceFileList(backupId, list.bytes)
      assert.ok((await read(catalog)).equals(list.bytes))
      assert.deepEqual(await catalog.getImage({ backupId }), image)
    },
  )
  check('what can not be read is said before there is a ticket', async ({ catalog, channels }) => {
    await rejects(catalog.readFileList({ client: 'web1' }), 'no-image-matches')
    const { image } = await backUp({ catalog, channels }, { entries: tree })
    const lacking = [toPath('/data'), toPath('/none')]
    await rejects(catalog.readFileList({ client: 'web1', paths: lacking }), 'path-not-backed-up')
    await rejects(catalog.readFileList({ client: 'web1', paths: [] }), 'argument-invalid')
    await rejects(catalog.readFileList({ client: 'web2', backupId: image.backupId }), 'no-image-matches')
  })
}

function expiring(check: CatalogCheck): void {
  check('an image that others need is kept, unless forced', async (fixture) => {
    const { catalog } = fixture
    const full = await backUp(fixture, { entries: tree })
    const next = await backUp(fixture, { entries: changed(tree, '/data/a.txt'), reference: full })
    const { backupId } = full.image
    const error = await rejects(catalog.expireImage({ backupId }), 'image-needed')
    assert.ok(error.message.includes(next.image.backupId))
    assert.deepEqual(error.details['neededBy'], [next.image.backupId])
    await catalog.expireImage({ backupId, force: true })
    await catalog.expireImage({ backupId })
    assert.equal((await catalog.getImage({ backupId }))?.state, 'expired')
    assert.deepEqual(await ids(catalog), [next.image.backupId])
    await rejects(paths(catalog, '/data', 'web1', { backupId }), 'no-image-matches')
    await catalog.forgetImage({ backupId })
    assert.equal(await catalog.getImage({ backupId }), undefined)
  })
  check('the reference of a running incremental is kept', async (fixture) => {
    const { catalog } = fixture
    const { image } = await backUp(fixture, { entries: tree, expiresAt: 1 })
    const running = await catalog.createImage(newImage({ referenceId: image.backupId }))
    await rejects(catalog.expireImage({ backupId: image.backupId }), 'image-needed')
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [image.backupId] })
    await catalog.discardImage({ backupId: running.backupId, reason: 'a test' })
    assert.deepEqual(await catalog.expireDue({}), { expired: [image.backupId], held: [] })
  })
  check('images end when their time has come and nothing kept needs them', async (fixture) => {
    const { catalog, clock } = fixture
    const start = clock.now()
    const full = await backUp(fixture, { entries: tree, expiresAt: start + 1000 })
    const first = await backUp(fixture, {
      entries: changed(tree, '/data/a.txt'),
      reference: full,
      expiresAt: start + 1000,
    })
    const second = await backUp(fixture, {
      entries: changed(tree, '/data/sub.txt'),
      reference: first,
      expiresAt: start + 5000,
    })
    const forever = await backUp(fixture, { entries: tree, client: 'web2' })
    const [one, two, three] = [full, first, second].map(({ image }) => image.backupId)
    await clock.advance(999)
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [] })
    await clock.advance(1)
    assert.deepEqual(second.image.neededImages, [one])
    assert.deepEqual(await catalog.expireDue({}), { expired: [two], held: [one] })
    await clock.advance(4000)
    assert.deepEqual(await catalog.expireDue({}), { expired: [three, one], held: [] })
    assert.deepEqual(await ids(catalog), [forever.image.backupId])
    assert.deepEqual(await catalog.expireDue({}), { expired: [], held: [] })
  })
}

/** The tree with another version of one file. */
function changed(entries: readonly SampleEntry[], changedPath: string): SampleEntry[] {
  return entries.map((entry) => (entry.path === changedPath ? { ...entry, version: 2 } : entry))
}

async function ids(catalog: Catalog): Promise<string[]> {
  return (await collect(catalog.listImages({}))).map(({ backupId }) => backupId)
}

async function paths(
  catalog: Catalog,
  path: string,
  client = 'web1',
  query: Omit<TreeQuery, 'client'> = {},
): Promise<string[]> {
  const entries = await collect(catalog.browse({ client, path: toPath(path), ...query }))
  return entries.map((entry) => entry.path)
}

async function rejects(work: Promise<unknown>, code: ErrorCode, what?: string): Promise<NbError> {
  const error = await work.then(
    () => assert.fail(`${what ?? 'it'} was not refused with ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NbError, `${what ?? ''} ${String(error)}`)
  assert.equal(error.code, code, what)
  return error
}

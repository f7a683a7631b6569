import assert from 'node:assert/strict'
import { type ErrorCode, type ImageCompletion, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, newImage, sampleList, sendList } from './catalog-images.ts'
import { changed, ids, paths, rejects, tree } from './catalog-tree.ts'

/** The obligations of `completeImage`. */
export function completing(check: CatalogCheck): void {
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

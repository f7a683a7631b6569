import assert from 'node:assert/strict'
import { type Catalog, type FileSearch, isAbortError, NbError, pathFromBytes, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { CatalogCheck } from './catalog-fixture.ts'
import { backUp, type SampleEntry } from './catalog-images.ts'

const strange = Buffer.from('/data/caf\xe9.txt', 'latin1')
const tree: readonly SampleEntry[] = [
  { path: '/data', kind: 'directory' },
  { path: '/data/a.txt' },
  { path: strange },
  { path: '/data/sub', kind: 'directory' },
  { path: '/data/sub/a.txt' },
  { path: '/data/sub/link', kind: 'symlink', linkTarget: 'a.txt' },
  { path: '/data/sub/notes.md' },
]

/** The obligations of `search`. */
export function searching(check: CatalogCheck): void {
  check('entries are found by glob, of names and of whole paths', async (fixture) => {
    const { image } = await backUp(fixture, { entries: tree })
    const found = async (search: Omit<FileSearch, 'client'>): Promise<string[]> =>
      paths(fixture.catalog, search)
    assert.deepEqual(await found({ glob: 'a.txt' }), ['/data/a.txt', '/data/sub/a.txt'])
    assert.deepEqual(await found({ glob: '/data/*.txt' }), ['/data/a.txt', pathFromBytes(strange)])
    assert.deepEqual(await found({ glob: '/data/**/a.*' }), ['/data/a.txt', '/data/sub/a.txt'])
    assert.deepEqual(await found({ glob: 'A.TXT' }), [])
    assert.deepEqual(await found({ glob: 'A.TXT', ignoreCase: true, below: toPath('/data/sub') }), [
      '/data/sub/a.txt',
    ])
    assert.deepEqual(await found({ glob: 'caf?.txt' }), [pathFromBytes(strange)])
    const [link] = await collect(fixture.catalog.search({ client: 'web1', glob: 'link' }))
    assert.equal(link?.kind, 'symlink')
    assert.equal(link.linkTarget, 'a.txt')
    assert.equal(link.backupId, image.backupId)
  })
  check('entries are found by regular expression, anywhere in the path', async (fixture) => {
    await backUp(fixture, { entries: tree })
    const found = async (regex: string): Promise<string[]> => paths(fixture.catalog, { regex })
    assert.deepEqual(await found('sub/[an]'), ['/data/sub/a.txt', '/data/sub/notes.md'])
    assert.deepEqual(await found('^/data/(a|sub)(\\.txt)?$'), ['/data/a.txt', '/data/sub'])
    assert.deepEqual(await found('\\xe9'), [pathFromBytes(strange)])
  })
  check('a pattern that could run for ever does not', async (fixture) => {
    const name = 'a'.repeat(250)
    await backUp(fixture, { entries: [{ path: `/data/${name}` }] })
    assert.deepEqual(await paths(fixture.catalog, { regex: '^/data/(a+)+b$' }), [])
    assert.deepEqual(await paths(fixture.catalog, { glob: `${'*a'.repeat(100)}b` }), [])
    assert.deepEqual(await paths(fixture.catalog, { regex: '(a|a|aa)*$' }), [`/data/${name}`])
  })
  check('a search is of the tree, as it was then, or of all images, each state once', async (fixture) => {
    const { catalog, clock } = fixture
    const full = await backUp(fixture, { entries: tree })
    await clock.advance(60_000)
    const changed = tree
      .filter(({ path }) => path !== '/data/sub/notes.md')
      .map((entry) => (entry.path === '/data/a.txt' ? { ...entry, version: 2 } : entry))
    const next = await backUp(fixture, { entries: changed, reference: full })
    await clock.advance(60_000)
    const other = await backUp(fixture, {
      entries: [{ path: '/other/a.txt' }],
      policy: 'other',
      selections: [toPath('/other')],
    })
    const [one, two, three] = [full, next, other].map(({ image }) => image.backupId)
    const found = async (search: Omit<FileSearch, 'client'>): Promise<string[]> => {
      const entries = await collect(catalog.search({ client: 'web1', ...search }))
      return entries.map(({ path, backupId }) => `${path} ${backupId}`)
    }
    const then = full.image.backupTime
    assert.deepEqual(await found({ glob: '*.md' }), [])
    assert.deepEqual(await found({ glob: '*.md', to: then }), [`/data/sub/notes.md ${one}`])
    assert.deepEqual(await found({ glob: 'a.txt' }), [
      `/data/a.txt ${two}`,
      `/data/sub/a.txt ${two}`,
      `/other/a.txt ${three}`,
    ])
    assert.deepEqual(await found({ glob: 'a.txt', policy: 'other' }), [`/other/a.txt ${three}`])
    assert.deepEqual(await found({ glob: 'a.txt', allImages: true }), [
      `/other/a.txt ${three}`,
      `/data/a.txt ${two}`,
      `/data/sub/a.txt ${two}`,
      `/data/a.txt ${one}`,
    ])
    assert.deepEqual(await found({ glob: '/data/a.txt', allImages: true, to: then }), [`/data/a.txt ${one}`])
    assert.deepEqual(await found({ glob: 'a.txt', allImages: true, from: then + 1, policy: 'daily' }), [
      `/data/a.txt ${two}`,
      `/data/sub/a.txt ${two}`,
    ])
    assert.deepEqual(await found({ glob: '*.md', allImages: true, policy: 'none' }), [])
  })
  check('a search ends at its limit, and when it is cancelled', async (fixture) => {
    const entries = Array.from({ length: 30_000 }, (_, number) => ({ path: `/data/file-${number}` }))
    const { image } = await backUp(fixture, { entries })
    const { catalog } = fixture
    assert.equal((await paths(catalog, { glob: 'file-*', limit: 7 })).length, 7)
    assert.equal((await paths(catalog, { glob: 'file-*' })).length, 10_000, 'the limit where none is given')
    assert.equal((await paths(catalog, { glob: 'file-*', limit: 1_000_000 })).length, entries.length)
    const stop = new AbortController()
    let seen = 0
    await assert.rejects(async () => {
      const found = catalog.search(
        { client: 'web1', glob: 'file-*', limit: 1_000_000 },
        { signal: stop.signal },
      )
      for await (const _ of found) if (++seen === 10) stop.abort()
    }, isAbortError)
    assert.ok(seen < entries.length)
    await catalog.expireImage({ backupId: image.backupId })
  })
  check('a damaged list is told with the image that has it', async (fixture) => {
    const { image, list } = await backUp(fixture, { entries: tree })
    const damaged = Buffer.from(list.bytes)
    damaged[damaged.length - 20] = (damaged[damaged.length - 20] ?? 0) ^ 1
    await fixture.replaceFileList(image.backupId, damaged)
    const catalog = await fixture.restart()
    for (const allImages of [false, true]) {
      const error = await refused(catalog, { glob: '*', allImages }, 'file-list-corrupt')
      assert.ok(error.message.includes(image.backupId), error.message)
    }
    assert.match((await catalog.getImage({ backupId: image.backupId }))?.damaged ?? '', /damaged/)
  })
  check('what is no search is refused', async (fixture) => {
    const { catalog } = fixture
    await refused(catalog, { glob: '*' }, 'no-image-matches')
    assert.deepEqual(await paths(catalog, { glob: '*', allImages: true }), [])
    await backUp(fixture, { entries: tree })
    for (const wrong of [
      {},
      { glob: '*', regex: '.' },
      { glob: '[' },
      { glob: 'dir/' },
      { glob: '' },
      { regex: '(' },
      { regex: '(?=a)' },
      { regex: '(a)\\1' },
      { regex: 'x'.repeat(1001) },
      { glob: '*', limit: 0 },
      { glob: '*', limit: 1_000_001 },
      { glob: '*', below: toPath('data') },
      { glob: '*', from: 1 },
    ])
      await refused(catalog, wrong, 'argument-invalid')
    await refused(catalog, { glob: '*', below: toPath('/none') }, 'path-not-backed-up')
    assert.deepEqual(await paths(catalog, { glob: '*', below: toPath('/none'), allImages: true }), [])
  })
}

async function paths(catalog: Catalog, search: Omit<FileSearch, 'client'>): Promise<string[]> {
  return (await collect(catalog.search({ client: 'web1', ...search }))).map(({ path }) => path)
}

async function refused(
  catalog: Catalog,
  search: Omit<FileSearch, 'client'>,
  code: NbError['code'],
): Promise<NbError> {
  const error = await collect(catalog.search({ client: 'web1', ...search })).then(
    () => assert.fail(`${JSON.stringify(search)} was not refused with ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NbError, String(error))
  assert.equal(error.code, code, JSON.stringify(search))
  return error
}

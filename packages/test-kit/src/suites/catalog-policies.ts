import assert from 'node:assert/strict'
import { type Catalog, toPath } from '@nb/contracts'
import { collect } from '../collect.ts'
import { backUp, recordsOf, type SampleBackupInput, takeBytes } from './catalog-images.ts'
import type { CatalogCheck, CatalogFixture } from './catalog-fixture.ts'
import { directory } from './catalog-tree.ts'

/** A backup by a policy that selects one directory with some files. */
function of(policy: string, top: string, ...names: readonly string[]): SampleBackupInput {
  const below = top === '/' ? '/' : `${top}/`
  const entries = [directory(top), ...names.map((name) => ({ path: `${below}${name}` }))]
  return { policy, selections: [toPath(top)], entries }
}

/** Makes backups, a minute apart, the oldest first; gives their ids. */
async function backUpInTurn(
  fixture: CatalogFixture,
  ...backups: readonly SampleBackupInput[]
): Promise<string[]> {
  const ids: string[] = []
  for (const backup of backups) {
    ids.push((await backUp(fixture, backup)).image.backupId)
    await fixture.clock.advance(60_000)
  }
  return ids
}

/** All that is below a path, each with the backup it comes from. */
async function below(
  catalog: Catalog,
  path: string,
  query: { readonly policy?: string; readonly backupIds?: readonly string[] } = {},
): Promise<[string, string][]> {
  const entries = await collect(
    catalog.browse({ client: 'web1', path: toPath(path), recursive: true, ...query }),
  )
  return entries.map((entry) => [entry.path, entry.backupId])
}

/** Obligations of `Catalog` where several policies, and users, back one client up. */
export function severalPolicies(check: CatalogCheck): void {
  check('a policy that selects less and ran later hides nothing of the others', async (fixture) => {
    const { catalog } = fixture
    const [home = '', docs = ''] = await backUpInTurn(
      fixture,
      of('home', '/home', 'ann', 'bob', 'docs'),
      of('docs', '/home/docs', 'new'),
    )
    const expected = [
      ['/home/ann', home],
      ['/home/bob', home],
      ['/home/docs', docs],
      ['/home/docs/new', docs],
    ]
    assert.deepEqual(await below(catalog, '/home'), expected)
    assert.deepEqual(await below(catalog, '/'), [['/home', home], ...expected])
    assert.deepEqual(await below(catalog, '/home/docs'), [['/home/docs/new', docs]])
    assert.deepEqual((await below(catalog, '/home', { policy: 'docs' })).at(0), ['/home/docs', docs])
    await assert.rejects(below(catalog, '/home/docs/old'), { code: 'path-not-backed-up' })
  })
  check('policies that select different directories are one tree above them', async (fixture) => {
    const { catalog, channels } = fixture
    const [etc = '', srv = ''] = await backUpInTurn(
      fixture,
      of('system', '/etc', 'hosts'),
      of('web', '/srv/www', 'index'),
    )
    const all = [
      ['/etc', etc],
      ['/etc/hosts', etc],
      ['/srv/www', srv],
      ['/srv/www/index', srv],
    ]
    assert.deepEqual(await below(catalog, '/'), all)
    const images = await collect(catalog.treeImages({ client: 'web1' }))
    assert.deepEqual(images.map(({ backupId }) => backupId).sort(), [etc, srv].sort())
    const paths = ['/etc/hosts', '/srv/www/index'].map(toPath)
    const { ticket } = await catalog.readFileList({ client: 'web1', paths })
    const { images: table, records } = recordsOf(await takeBytes(channels, ticket))
    assert.deepEqual(
      records.map(({ path, imageIndex }) => [path.toString(), table[imageIndex]]),
      [all[1], all[3]],
      'and what is asked for of both is one list',
    )
  })
  check(
    'a newer backup of a whole directory answers for what an older one had inside it',
    async (fixture) => {
      const { catalog } = fixture
      const [, home = ''] = await backUpInTurn(
        fixture,
        of('docs', '/home/docs', 'gone'),
        of('home', '/home', 'ann', 'docs'),
      )
      assert.deepEqual(await below(catalog, '/'), [
        ['/home', home],
        ['/home/ann', home],
        ['/home/docs', home],
      ])
      assert.deepEqual(
        (await below(catalog, '/home/docs/gone')).map(([path]) => path),
        ['/home/docs/gone'],
        'asked for by name, what only the older one has is still found',
      )
    },
  )
  check('a file that a user has backed up is the newest of its kind, in its place', async (fixture) => {
    const { catalog } = fixture
    const [home = '', user = ''] = await backUpInTurn(fixture, of('home', '/home', 'ann', 'bob'), {
      ...of('home', '/home/ann'),
      entries: [{ path: '/home/ann', version: 2 }],
      schedule: 'user',
      scheduleType: 'user-backup',
    })
    const both = [
      ['/home/ann', user],
      ['/home/bob', home],
    ]
    assert.deepEqual(await below(catalog, '/home'), both)
    assert.deepEqual(await below(catalog, '/home', { policy: 'home' }), both)
    const [, next = ''] = await backUpInTurn(
      fixture,
      of('other', '/srv', 'x'),
      of('home', '/home', 'ann', 'bob'),
    )
    assert.deepEqual(
      await below(catalog, '/home'),
      both.map(([path]) => [path, next]),
      'until the policy has backed it up again',
    )
  })
  check('what a restore was planned with is the same tree by its images', async (fixture) => {
    const { catalog } = fixture
    await backUpInTurn(
      fixture,
      of('deep', '/home/docs/deep', 'older'),
      of('docs', '/home/docs', 'a', 'deep'),
      of('home', '/home', 'ann', 'docs'),
      of('ann', '/home/ann', 'mail'),
      of('web', '/srv', 'www'),
    )
    for (const path of ['/', '/home', '/home/docs', '/home/ann', '/srv']) {
      const images = await collect(catalog.treeImages({ client: 'web1', paths: [toPath(path)] }))
      const backupIds = images.map(({ backupId }) => backupId)
      assert.deepEqual(await below(catalog, path, { backupIds }), await below(catalog, path), path)
    }
  })
}

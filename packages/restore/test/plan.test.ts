import { type RestoreRequest, toPath } from '@nb/contracts'
import { FILE_FLAGS } from '@nb/formats'
import { putChain, restoreRequest } from '@nb/test-kit'
import t from 'tap'
import { planRestore, type RestorePlan } from '../src/plan.ts'
import { createWorld } from './world.ts'

t.test(
  'a chain is read from the images that hold the data, oldest first, one group for each place',
  async (t) => {
    const world = createWorld()
    const { catalog } = world
    catalog.put({ backupId: 'web1_9', entries: [{ path: '/a', sizeBytes: 1 }, { path: '/old' }] })
    catalog.put({ backupId: 'web1_10', storageUnit: 'disk2', entries: [{ path: '/b', sizeBytes: 2 }] })
    catalog.put({ backupId: 'web1_100', entries: [{ path: '/c', sizeBytes: 4 }] })
    catalog.put({
      backupId: 'web1_200',
      storageUnit: 'disk1',
      mediaServer: 'media2',
      entries: [
        { path: '/a', sizeBytes: 1, from: 'web1_9' },
        { path: '/b', sizeBytes: 2, from: 'web1_10' },
        { path: '/c', sizeBytes: 4, from: 'web1_100' },
        { path: '/d', sizeBytes: 8 },
      ],
    })
    const plan = await planOf(world, { paths: [toPath('/')], target: { kind: 'original' } })
    t.same(
      plan.images.map(({ backupId }) => backupId),
      ['web1_200'],
    )
    t.match({ entries: plan.entries, bytes: plan.bytes }, { entries: 4, bytes: 15 })
    t.same(
      plan.groups.map(({ mediaServer, storageUnit, sources }) => [
        mediaServer,
        storageUnit,
        ...sources.map(({ backupId, entries, bytes }) => `${backupId} ${entries} ${bytes}`),
      ]),
      [
        ['media1', 'disk1', 'web1_9 1 1', 'web1_100 1 4'],
        ['media1', 'disk2', 'web1_10 1 2'],
        ['media2', 'disk1', 'web1_200 1 8'],
      ],
    )
  },
)

t.test('images that hold nothing of what is wanted are not read', async (t) => {
  const world = createWorld()
  putChain(world.catalog, 'disk2')
  const plan = await planOf(world, { paths: [toPath('/srv/a')] })
  t.same(
    plan.groups.map(({ storageUnit }) => storageUnit),
    ['disk1'],
  )
})

t.test('sizes count once: not for links, nor for what could not be read', async (t) => {
  const world = createWorld()
  world.catalog.put({
    backupId: 'web1_1',
    entries: [
      { path: '/a', sizeBytes: 7 },
      { path: '/b', sizeBytes: 7, kind: 'hardlink' },
      { path: '/c', sizeBytes: 5, kind: 'symlink' },
      { path: '/d', sizeBytes: 9, flags: FILE_FLAGS.unreadable },
      { path: '/e', sizeBytes: 4096, kind: 'directory' },
      { path: '/f', kind: 'fifo' },
      { path: '/g', kind: 'character-device' },
    ],
  })
  const plan = await planOf(world, { paths: [toPath('/')], target: { kind: 'original' } })
  t.match({ entries: plan.entries, bytes: plan.bytes }, { entries: 7, bytes: 7 })
})

const lost: readonly [why: RegExp, change: (world: ReturnType<typeof createWorld>) => void][] = [
  [/web1_1000, which has left the catalog/, ({ catalog }) => catalog.remove('web1_1000')],
  [
    /web1_1000, which is expired/,
    ({ catalog }) => catalog.put({ backupId: 'web1_1000', state: 'expired', entries: [{ path: '/srv' }] }),
  ],
  [
    /web1_1000, which has no copy/,
    ({ catalog }) => catalog.put({ backupId: 'web1_1000', withoutCopy: true, entries: [{ path: '/srv' }] }),
  ],
]
for (const [why, change] of lost) {
  t.test(`an image that needs image ${why.source} is not restored from`, async (t) => {
    const world = createWorld()
    putChain(world.catalog)
    change(world)
    await t.rejects(planOf(world), {
      code: 'fragment-missing',
      status: 165,
      message: why,
      details: { backupId: 'web1_2000', needed: 'web1_1000' },
    })
  })
}

for (const how of ['unnoticed', 'noticed'] as const) {
  t.test(`a damaged list is told as one, ${how} by the catalog`, async (t) => {
    const world = createWorld()
    putChain(world.catalog)
    world.catalog.damageLists(how)
    await t.rejects(planOf(world), {
      code: 'file-list-corrupt',
      status: 229,
      message: 'image web1_2000 is damaged',
      details: { backupId: 'web1_2000' },
    })
  })
}

t.test('renames may cross, as long as every entry has a place of its own', async (t) => {
  const world = createWorld()
  putChain(world.catalog)
  const swap = [
    { from: toPath('/a'), to: toPath('/b') },
    { from: toPath('/b'), to: toPath('/a') },
  ]
  const target = { kind: 'directory', directory: toPath('/t'), strip: toPath('/srv') } as const
  t.equal((await planOf(world, { target: { ...target, rename: swap } })).entries, 4)
  await t.rejects(planOf(world, { target: { ...target, rename: swap.slice(1) } }), {
    code: 'argument-invalid',
    message: /brings two entries to \/a/,
    details: { field: 'target.rename' },
  })
})

t.test('an aborted planning lets the list go', async (t) => {
  const world = createWorld()
  const entries = Array.from({ length: 5000 }, (_, index) => ({ path: `/srv/${index}` }))
  world.catalog.put({ backupId: 'web1_1', entries })
  const abort = new AbortController()
  const planning = planOf(world, { paths: [toPath('/')], target: { kind: 'original' } }, abort.signal)
  abort.abort()
  await t.rejects(planning, { name: 'AbortError' })
  t.ok(world.catalog.bytesServed < 10_000, `${world.catalog.bytesServed} bytes were read`)
})

function planOf(
  { catalog, channels }: ReturnType<typeof createWorld>,
  changes: Partial<RestoreRequest> = {},
  signal?: AbortSignal,
): Promise<RestorePlan> {
  return planRestore({ catalog, channels }, restoreRequest(changes), signal === undefined ? {} : { signal })
}

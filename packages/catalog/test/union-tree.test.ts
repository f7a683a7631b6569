import assert from 'node:assert/strict'
import { type ImageRecord, toPath } from '@nb/contracts'
import { comparePaths, isWithin, type FileRecord } from '@nb/formats'
import { createPowerLossStorage, numberSetting, recordsOf, sampleList } from '@nb/test-kit'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { ListDamage } from '../src/list-damage.ts'
import { TreeJoin } from '../src/tree-claims.ts'
import type { TreeLibrary } from '../src/tree-library.ts'
import { type UnionEntry, UnionTree } from '../src/union-tree.ts'
import { openTree } from './fixture.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

const name = fc.constantFrom('a', 'a.b', 'b', 'a-')
const below = fc.array(name, { minLength: 1, maxLength: 4 })
const path = below.map((names) => `/${names.join('/')}`)
const selection = fc.oneof(path, fc.constant('/'))
const stream = fc
  .record({
    policy: fc.constantFrom('a', 'b', 'c'),
    selections: fc.uniqueArray(selection, { minLength: 1, maxLength: 3 }),
    // Whatever is chosen here is in the list where a selection holds it.
    paths: fc.uniqueArray(selection, { maxLength: 40 }),
  })
  .map(({ policy, selections, paths }) => ({
    policy,
    selections,
    paths: [...new Set([...selections, ...paths])].filter((one) =>
      selections.some((top) => within(one, top)),
    ),
  }))
const streams = fc.array(stream, { minLength: 1, maxLength: 4 })

function within(one: string, top: string): boolean {
  return isWithin(Buffer.from(one), Buffer.from(top))
}

interface Made {
  readonly union: UnionTree
  readonly lists: readonly (readonly FileRecord[])[]
}

interface Stream {
  readonly policy: string
  readonly selections: readonly string[]
}

async function open(made: readonly (Stream & { readonly paths: readonly string[] })[]): Promise<Made> {
  const { files } = createPowerLossStorage()
  await files.makeDirectory('/list')
  const lists: FileRecord[][] = []
  const images = made.map(({ policy, selections }, index) => ({
    policy,
    backupId: `web1_${100 - index}`,
    selections: selections.map((one) => toPath(one === '/' ? one : `${one}/`)),
  })) as unknown as ImageRecord[]
  for (const [index, { paths }] of made.entries()) {
    const { backupId } = images[index] as ImageRecord
    const { bytes } = sampleList(
      backupId,
      paths.map((one) => ({ path: one, kind: 'directory' as const })),
      {
        batchBytes: 64,
      },
    )
    const file = await files.open(`/list/${backupId}`, 'create')
    await file.write(bytes, 0)
    lists.push(recordsOf(bytes).records)
  }
  const trees = {
    open: ({ backupId }: ImageRecord) => openTree(files, `/list/${backupId}`),
  } as unknown as TreeLibrary
  const damage = {
    watch: async (_: string, read: () => Promise<unknown>) => read(),
    noted: async (_: string, error: unknown) => error,
  } as unknown as ListDamage
  return { union: await UnionTree.open({ trees, damage }, images), lists }
}

/**
 * The slow, obvious rule: of the policy whose newest image is the newest of those that have a selection at or above the path, the
 * longest such selection, the newest image of those that have it.
 */
function ownerOf(made: readonly Stream[], one: string): number | undefined {
  const order = [...new Set(made.map(({ policy }) => policy))]
  const reaching = made.flatMap(({ policy, selections }, owner) =>
    selections
      .filter((top) => within(one, top))
      .map((top) => ({ owner, rank: order.indexOf(policy), length: top.length })),
  )
  reaching.sort((a, b) => a.rank - b.rank || b.length - a.length || a.owner - b.owner)
  return reaching[0]?.owner
}

/** How many random trees, from which seed: `NB_LONG=1` runs the full count, `NB_SEED` repeats a run. */
function runs(t: Test, reduced: number): { readonly numRuns: number; readonly seed: number } {
  const numRuns = process.env['NB_LONG'] === '1' ? 5000 : reduced
  const seed = numberSetting('NB_SEED', 20_260_101)
  t.comment(`${numRuns} trees (5000 with NB_LONG=1), seed ${seed}`)
  return { numRuns, seed }
}

async function told(entries: AsyncIterable<UnionEntry>): Promise<[string, string][]> {
  const all: [string, string][] = []
  for await (const { record, image } of entries) all.push([record.path.toString(), image.backupId])
  return all
}

t.test('several lists answer as the list of what belongs to each would', async (t) => {
  await fc.assert(
    fc.asyncProperty(streams, selection, async (made, where) => {
      const { union, lists } = await open(made)
      const model =
        made.length === 1
          ? (lists[0] ?? []).map((record) => ({ record, owner: 0 }))
          : lists
              .flatMap((records, owner) => records.map((record) => ({ record, owner })))
              .filter(({ record, owner }) => ownerOf(made, record.path.toString()) === owner)
              .sort((a, b) => comparePaths(a.record.path, b.record.path))
      const texts = (of: typeof model): [string, string][] =>
        of.map(({ record, owner }) => [record.path.toString(), `web1_${100 - owner}`])
      const directory = Buffer.from(where)
      const inside = model.filter(({ record }) => isWithin(record.path, directory))
      const under = inside.filter(({ record }) => !record.path.equals(directory))
      const uppermost = under.filter(
        (one) => !under.some((other) => other !== one && isWithin(one.record.path, other.record.path)),
      )
      assert.deepEqual(await told(union.subtree(directory)), texts(inside))
      assert.deepEqual(await told(union.children(directory)), texts(uppermost))
      assert.equal(await union.holds(directory), inside.length > 0)
      const found = await union.find(directory)
      assert.deepEqual(found?.record, inside.find(({ record }) => record.path.equals(directory))?.record)
      const owners = new Set(union.ownersOf(directory).map(({ backupId }) => backupId))
      assert.ok(texts(inside).every(([, backupId]) => owners.has(backupId)))
      await union.close()
    }),
    runs(t, 60),
  )
})

t.test('to ask only the images that own a path gives the same of it', async (t) => {
  await fc.assert(
    fc.asyncProperty(streams, selection, async (made, where) => {
      const { union } = await open(made)
      const directory = Buffer.from(where)
      const owners = union.ownersOf(directory).map(({ backupId }) => backupId)
      if (owners.length > 0) {
        const fewer = made.filter((_, index) => owners.includes(`web1_${100 - index}`))
        const { union: part } = await open(fewer)
        const paths = (all: [string, string][]): string[] => all.map(([one]) => one)
        assert.deepEqual(
          paths(await told(part.subtree(directory))),
          paths(await told(union.subtree(directory))),
        )
        await part.close()
      }
      await union.close()
    }),
    runs(t, 40),
  )
})

t.test('the trees that are joined for some paths tell of these what all trees together would', async (t) => {
  await fc.assert(
    fc.asyncProperty(streams, fc.array(selection, { minLength: 1, maxLength: 2 }), async (made, wanted) => {
      const { union } = await open(made)
      const paths = wanted.map((one) => Buffer.from(one))
      const join = new TreeJoin(paths)
      for (const policy of new Set(made.map((one) => one.policy)))
        join.add(union.images.filter((image) => image.policy === policy))
      const joined = new Set(join.images.map(({ backupId }) => backupId))
      const { union: part } = await open(made.filter((_, index) => joined.has(`web1_${100 - index}`)))
      for (const path of paths) {
        const texts = async (tree: UnionTree): Promise<string[]> =>
          (await told(tree.subtree(path))).map(([one]) => one)
        assert.deepEqual(await texts(part), await texts(union))
      }
      await Promise.all([part.close(), union.close()])
    }),
    runs(t, 40),
  )
})

import { BatchCursor, comparePaths, type FileRecord, isWithin } from '@nb/formats'
import { createPowerLossStorage, recordsOf, type SampleEntry, sampleList } from '@nb/test-kit'
import fc from 'fast-check'
import t from 'tap'
import type { FileTree } from '../src/file-tree.ts'
import { withoutNested } from '../src/list-outflow.ts'
import { readListFacts, readListTotals } from '../src/list-facts.ts'
import { openTree } from './fixture.ts'

const list = '/list/files.nbf'

/** Paths of few names, so that directories, files of nearly their names and gaps between meet. */
const name = fc.constantFrom('a', 'a.b', 'b', 'a-', '\u00e9', '~')
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`)
const trees = fc.uniqueArray(path, { minLength: 1, maxLength: 60 })

async function madeTree(
  paths: readonly string[],
  batchBytes: number,
): Promise<{ tree: FileTree; records: FileRecord[] }> {
  const { files } = createPowerLossStorage()
  const entries = paths.map((one): SampleEntry => ({ path: one, kind: 'directory' }))
  const { bytes } = sampleList('web1_5', entries, { batchBytes })
  await files.makeDirectory('/list')
  const file = await files.open(list, 'create')
  await file.write(bytes, 0)
  return { tree: await openTree(files, list), records: recordsOf(bytes).records }
}

async function pathsOf(records: AsyncIterable<FileRecord>): Promise<string[]> {
  const paths: string[] = []
  for await (const record of records) paths.push(record.path.toString())
  return paths
}

async function pathsOfBatches(parts: AsyncIterable<Buffer | readonly FileRecord[]>): Promise<string[]> {
  const paths: string[] = []
  for await (const part of parts) {
    const found: string[] = []
    if (Buffer.isBuffer(part)) {
      const cursor = new BatchCursor()
      for (let at = 0; at < part.length;) {
        at = cursor.open(part, at)
        while (cursor.next()) found.push(cursor.path.toString())
      }
    } else found.push(...part.map((record) => record.path.toString()))
    paths.push(...found)
  }
  return paths
}

t.test('whatever the batches, a tree answers as a walk over its whole list would', async () => {
  const asked = fc.oneof(path, fc.constant('/'))
  await fc.assert(
    fc.asyncProperty(trees, asked, fc.constantFrom(64, 100, 4096), async (paths, where, batchBytes) => {
      const { tree, records } = await madeTree(paths, batchBytes)
      const directory = Buffer.from(where)
      const below = records.filter((record) => isWithin(record.path, directory))
      const under = below.filter((record) => !record.path.equals(directory))
      const uppermost = under.filter(
        (record) => !under.some((other) => other !== record && isWithin(record.path, other.path)),
      )
      const texts = (of: readonly FileRecord[]): string[] => of.map((record) => record.path.toString())
      const answers = [
        await pathsOf(tree.subtree(directory)),
        await pathsOfBatches(tree.batches(directory)),
        await pathsOf(tree.children(directory)),
        await tree.holds(directory),
        await tree.find(directory),
      ]
      const expected = [
        texts(below),
        texts(below),
        texts(uppermost),
        below.length > 0,
        records.find((record) => record.path.equals(directory)),
      ]
      await tree.close()
      return JSON.stringify(answers, plain) === JSON.stringify(expected, plain)
    }),
    { numRuns: 300 },
  )
})

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

t.test('wanted paths that lie in one another are wanted once', async () => {
  fc.assert(
    fc.property(trees, (paths) => {
      const all = paths.map((one) => Buffer.from(one))
      const kept = withoutNested(all)
      return (
        kept.every((one, index) => index === 0 || comparePaths(kept[index - 1] ?? one, one) < 0) &&
        all.every((one) => kept.filter((other) => isWithin(one, other)).length === 1)
      )
    }),
  )
})

const passes: readonly ((...list: Parameters<typeof readListFacts>) => Promise<unknown>)[] = [
  readListFacts,
  readListTotals,
]

t.test('a flipped bit anywhere in a list is found by a pass over it', async (t) => {
  const { files } = createPowerLossStorage()
  await files.makeDirectory('/list')
  const entries = Array.from({ length: 20 }, (_, number) => ({ path: `/data/${number}` }))
  const { bytes } = sampleList('web1_5', entries, { batchBytes: 200 })
  const file = await files.open(list, 'create')
  for (let at = 0; at < bytes.length; at += 3) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ 16
    await file.write(damaged, 0)
    for (const pass of passes) await t.rejects(pass(files, list), { code: 'file-list-corrupt' }, `byte ${at}`)
  }
})

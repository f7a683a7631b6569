import assert from 'node:assert/strict'
import { type Catalog, type ErrorCode, NbError, toPath, type TreeQuery } from '@nb/contracts'
import { collect } from '../collect.ts'
import type { SampleEntry } from './catalog-images.ts'

/** A directory of a made-up tree. */
export const directory = (path: string): SampleEntry => ({ path, kind: 'directory' })

/** A made-up tree. */
export const tree: readonly SampleEntry[] = [
  directory('/data'),
  { path: '/data/a.txt', sizeBytes: 10 },
  directory('/data/sub'),
  { path: '/data/sub/deep.txt', sizeBytes: 5000 },
  { path: '/data/sub-2.txt' },
  { path: '/data/sub.txt', kind: 'symlink', linkTarget: 'a.txt' },
]

/** The tree with another version of one file. */
export function changed(entries: readonly SampleEntry[], changedPath: string): SampleEntry[] {
  return entries.map((entry) => (entry.path === changedPath ? { ...entry, version: 2 } : entry))
}

/** The ids of the complete images, the newest first. */
export async function ids(catalog: Catalog): Promise<string[]> {
  return (await collect(catalog.listImages({}))).map(({ backupId }) => backupId)
}

/** The paths that browsing a path shows. */
export async function paths(
  catalog: Catalog,
  path: string,
  client = 'web1',
  query: Omit<TreeQuery, 'client'> = {},
): Promise<string[]> {
  const entries = await collect(catalog.browse({ client, path: toPath(path), ...query }))
  return entries.map((entry) => entry.path)
}

/** The error that a call must be refused with. */
export async function rejects(work: Promise<unknown>, code: ErrorCode, what?: string): Promise<NbError> {
  const error = await work.then(
    () => assert.fail(`${what ?? 'it'} was not refused with ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof NbError, `${what ?? ''} ${String(error)}`)
  assert.equal(error.code, code, what)
  return error
}

import { type Files, toPath } from '@nb/contracts'
import { backUp, collect, createPowerLossStorage, type SampleEntry } from '@nb/test-kit'
import t from 'tap'
import { openSite } from '../fixture.ts'

/** Files that count what is read of lists. */
function counting(inner: Files): { readonly files: Files; readonly read: { calls: number; bytes: number } } {
  const read = { calls: 0, bytes: 0 }
  const files: Files = {
    ...inner,
    open: async (path, mode) => {
      const file = await inner.open(path, mode)
      if (!path.endsWith('.nbf') || mode !== 'read') return file
      return {
        ...file,
        read: async (target, position) => {
          read.calls += 1
          read.bytes += target.length
          return file.read(target, position)
        },
      }
    },
  }
  return { files, read }
}

t.test('a big directory is not read when it is passed by, and read alone when it is asked for', async (t) => {
  const { files, read } = counting(createPowerLossStorage().files)
  const site = await openSite(files)
  const children = (name: string, count: number): SampleEntry[] => [
    { path: `/data/${name}`, kind: 'directory' },
    ...Array.from({ length: count }, (_, number) => ({ path: `/data/${name}/file-${number}.txt` })),
  ]
  const entries = [
    { path: '/data', kind: 'directory' as const },
    ...children('big', 50_000),
    ...children('next', 20),
    ...children('other', 10_000),
  ]
  const { list } = await backUp(site, { entries })
  const { batches } = list.completion.fileList
  t.ok(batches > 40, `${batches} batches`)

  const browse = async (path: string): Promise<{ found: string[]; calls: number; bytes: number }> => {
    read.calls = 0
    read.bytes = 0
    const found = await collect(site.catalog.browse({ client: 'web1', path: toPath(path) }))
    return { found: found.map((entry) => entry.path), ...read }
  }
  const above = await browse('/data')
  t.same(above.found, ['/data/big', '/data/next', '/data/other'])
  t.ok(above.calls <= 8, `${above.calls} reads to list three directories among ${batches} batches`)
  const small = await browse('/data/next')
  t.equal(small.found.length, 20)
  t.ok(small.calls <= 6, `${small.calls} reads for a directory of 20`)
  const one = await browse('/data/other/file-4711.txt')
  t.same(one.found, ['/data/other/file-4711.txt'])
  t.ok(one.calls <= 3, `${one.calls} reads for one file`)
  const big = await browse('/data/big')
  t.equal(big.found.length, 50_000)
  t.ok(big.calls <= batches * (5 / 6) + 6, `${big.calls} reads for five sixths of ${batches} batches`)
  await site.end()
})

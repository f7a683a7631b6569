import { readFileSync, readdirSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCatalog } from '@nb/catalog'
import { systemFiles } from '@nb/contracts'
import { createLocalChannels } from '@nb/remote'
import { backUp, createVirtualClock } from '@nb/test-kit'
import { MemoryLevel } from 'memory-level'
import t from 'tap'
import { tool } from './run-tool.ts'

const dayMs = 86_400_000

/** A server's images: a full, and an incremental a day later in which `b` changed and `c` is new. Then it stops. */
async function makeImages(directory: string): Promise<{ full: string; incremental: string }> {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1))
  const channels = createLocalChannels({ clock })
  const catalog = createCatalog(
    { store: new MemoryLevel(), files: systemFiles(), channels, clock },
    { directory },
  )
  await catalog.start()
  const top = { path: '/data', kind: 'directory' } as const
  const parts = { catalog, channels }
  const reference = await backUp(parts, {
    entries: [top, { path: '/data/a' }, { path: '/data/b', sizeBytes: 7 }],
  })
  await clock.advance(dayMs)
  const incremental = await backUp(parts, {
    entries: [top, { path: '/data/a' }, { path: '/data/b', sizeBytes: 8, version: 2 }, { path: '/data/c' }],
    reference,
  })
  await catalog.stop()
  return { full: reference.image.backupId, incremental: incremental.image.backupId }
}

/** Every name below a folder, with its content. */
function contentOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true })
      .map((name) => join(folder, String(name)))
      .map((path) => [path, statSync(path).isFile() ? readFileSync(path, 'latin1') : '']),
  )
}

t.test('images, a directory at any time, and the versions of a file', async (t) => {
  const folder = join(t.testdir({}), 'images')
  const { full, incremental } = await makeImages(folder)

  const images = tool('catalog-browser', folder)
  t.equal(images.code, 0)
  const [newest, oldest] = images.out.trim().split('\n')
  t.match(newest, `2026-01-02T00:00:00  ${incremental}  daily/incremental  4 entries`)
  t.match(oldest, `2026-01-01T00:00:00  ${full}  daily/full  3 entries, 1007 bytes, status 0`)

  const names = (out: string): string[] =>
    out
      .trim()
      .split('\n')
      .map((line) => line.split('  ').at(-1) ?? '')
  const now = tool('catalog-browser', folder, 'ls', '/data')
  t.same(names(now.out), ['/data/a', '/data/b', '/data/c'])
  t.match(now.out, new RegExp(`^file +0644 +1000 .* ${full}  /data/a$`, 'm'), 'it tells where the data is')
  const then = tool('catalog-browser', folder, 'ls', '/data', '--at', '2026-01-01T12:00Z')
  t.same(names(then.out), ['/data/a', '/data/b'])
  t.same(names(tool('catalog-browser', folder, 'ls', '/data', '--image', full).out), names(then.out))

  const versions = tool('catalog-browser', folder, 'versions', '/data/b')
  t.same(
    versions.out
      .trim()
      .split('\n')
      .map((line) =>
        line
          .split(/ +/)
          .slice(2, 3)
          .concat(line.split('  ').at(-2) ?? ''),
      ),
    [
      ['8', incremental],
      ['7', full],
    ],
  )
})

t.test('looking changes nothing, not even what a server would tidy up', async (t) => {
  const folder = join(t.testdir({}), 'images')
  const { full } = await makeImages(folder)
  // What a server that was killed leaves: an image without a header.
  const half = join(folder, 'web1', 'web1_1790000000')
  mkdirSync(half)
  writeFileSync(join(half, 'files.nbl'), 'half a list')
  const before = contentOf(folder)
  t.match(tool('catalog-browser', folder), { code: 0, out: new RegExp(full) })
  t.same(contentOf(folder), before)
})

t.test('a damaged header is told, and the other images are there', async (t) => {
  const folder = join(t.testdir({}), 'images')
  const { full, incremental } = await makeImages(folder)
  const header = Object.keys(contentOf(folder)).find((path) => path.includes(full) && path.endsWith('.json'))
  writeFileSync(header ?? '', '{')
  const { code, out, complaints } = tool('catalog-browser', folder)
  t.equal(code, 0)
  t.match(out, incremental)
  t.notMatch(out, `${full}  `)
  t.match(complaints, full)
})

t.test('what is not there is told with its status', async (t) => {
  const folder = join(t.testdir({}), 'images')
  await makeImages(folder)
  t.match(tool('catalog-browser', folder, 'ls', '/gone'), { code: 1, complaints: /path-not-backed-up, 142/ })
  t.match(tool('catalog-browser', folder, 'ls', '/data', '--client', 'web9'), {
    code: 1,
    complaints: /no-image-matches, 190/,
  })
  t.match(tool('catalog-browser', join(folder, 'none')), { code: 1, complaints: /ENOENT/ })
  t.match(tool('catalog-browser'), { code: 2 })
  t.match(tool('catalog-browser', folder, 'remove', '/data'), { code: 2 })
})

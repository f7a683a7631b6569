import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { collect } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../src/compare-trees.ts'
import { boot, type BootedServer } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, restoreTo } from '../support/site.ts'

const long = process.env['NB_LONG'] === '1'
const tib = 2 ** 40
/** The latest time that a backup holds, on 2262-04-11. */
const latestNs = 2n ** 63n - 1n

t.setTimeout(long ? 1_800_000 : 110_000)

async function site(
  t: Test,
): Promise<{ readonly source: string; readonly copy: string; readonly server: BootedServer }> {
  const root = scratch('limits')
  t.teardown(() => rmSync(root, { recursive: true }))
  const [source, copy] = [join(root, 'source'), join(root, 'copy')]
  mkdirSync(source)
  const server = await boot(join(root, 'state'))
  t.teardown(() => server.stop())
  return { source, copy, server }
}

/** Backs a tree up and restores it; gives the fragments of its image. */
async function thereAndBack(t: Test, server: BootedServer, source: string, copy: string): Promise<number> {
  const backup = await backUp(server, source, 'full')
  t.equal(backup.status, 0, backup.statusText ?? '')
  const backupId = backup.backupId ?? ''
  const restore = await restoreTo(server, source, backupId, copy)
  t.equal(restore.status, 0, restore.statusText ?? '')
  const image = await server.ports.catalog.getImage({ backupId })
  return image?.copies[0]?.fragments.length ?? 0
}

t.test(
  'one directory with more names than a fragment holds, of which nothing changes afterwards',
  async (t) => {
    const { source, copy, server } = await site(t)
    const count = long ? 1_000_000 : 2000
    for (let number = 0; number < count; number++)
      writeFileSync(join(source, `name-${(number * 7919) % count}`), '')
    t.comment(`${count} names; the full count is 1000000 (NB_LONG=1)`)
    const fragments = await thereAndBack(t, server, source, copy)
    t.ok(fragments >= 2, `${fragments} fragments`)
    t.same(compareTrees(source, copy).differences, [])
    // Its directory may have changed in the very moment before it was read: that is stored once more.
    await backUp(server, source, 'incr')
    const next = await backUp(server, source, 'incr')
    t.equal(next.status, 0, next.statusText ?? '')
    const image = await server.ports.catalog.getImage({ backupId: next.backupId ?? '' })
    t.match(image?.counts, { entries: count + 1, storedEntries: 0, streamBytes: 0 })
  },
)

t.test('a path of 4,000 bytes', async (t) => {
  const { source, copy, server } = await site(t)
  let deepest = source
  while (deepest.length < 3900)
    deepest = join(deepest, `directory-${deepest.length}-with-a-name-of-some-length`)
  mkdirSync(deepest, { recursive: true })
  const file = join(deepest, 'f'.repeat(4000 - deepest.length - 1))
  writeFileSync(file, 'deep down')
  t.equal(file.length, 4000)
  await thereAndBack(t, server, source, copy)
  t.same(compareTrees(source, copy).differences, [])
})

t.test('a file of 1 TiB that is a hole but for its ends', async (t) => {
  const { source, copy, server } = await site(t)
  const file = openSync(join(source, 'huge'), 'w')
  try {
    ftruncateSync(file, tib)
    writeSync(file, 'begin', 0)
    writeSync(file, 'end', tib - 3)
  } catch (error) {
    return void t.comment(`SKIPPED: this file system has no file of 1 TiB: ${String(error)}`)
  } finally {
    closeSync(file)
  }
  t.equal(await thereAndBack(t, server, source, copy), 1, 'its holes are not in the image')
  const { size, blocks } = statSync(join(copy, 'huge'))
  t.equal(size, tib)
  t.ok(blocks <= 64, `${blocks} blocks of 512 bytes`)
  const restored = openSync(join(copy, 'huge'), 'r')
  const read = (position: number): string => {
    const bytes = Buffer.alloc(5)
    return bytes.toString('latin1', 0, readSync(restored, bytes, 0, 5, position))
  }
  t.equal(read(0), 'begin')
  t.equal(read(tib - 5), '\0\0end')
  t.equal(read(tib / 2), '\0\0\0\0\0')
  closeSync(restored)
})

t.test(
  'a file of the year 2300 holds up no backup: the job names it, and the next one finds it unchanged',
  async (t) => {
    const { source, copy, server } = await site(t)
    const file = join(source, 'from-the-future')
    writeFileSync(file, 'its clock was wrong')
    utimesSync(file, 10_413_792_000, 10_413_792_000)
    if (statSync(file, { bigint: true }).mtimeNs < latestNs)
      return void t.comment('SKIPPED: this file system has no time beyond 2262')
    writeFileSync(join(source, 'of-today'), 'as usual')

    const full = await backUp(server, source, 'full')
    t.equal(full.status, 1, full.statusText ?? '')
    const lines = await collect(server.ports.jobs.log({ jobId: full.id }))
    const warned = lines.filter(({ severity }) => severity === 'warning').map(({ text }) => text)
    t.match(warned, [`${file}: the backup has the nearest time that it can hold`])

    // What was written in the very moment before it was read is stored once more.
    await backUp(server, source, 'incr')
    const next = await backUp(server, source, 'incr')
    t.equal(next.status, 0, next.statusText ?? '')
    const image = await server.ports.catalog.getImage({ backupId: next.backupId ?? '' })
    t.match(image?.counts, { entries: 3, storedEntries: 0 })

    const restore = await restoreTo(server, source, next.backupId ?? '', copy)
    t.equal(restore.status, 0, restore.statusText ?? '')
    t.equal(statSync(join(copy, 'from-the-future'), { bigint: true }).mtimeNs, latestNs)
    t.same(compareTrees(source, copy).differences, [], 'but for what the backup has said')
  },
)

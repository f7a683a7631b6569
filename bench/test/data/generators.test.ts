import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { makeBigFiles } from '../../src/data/big-files.ts'
import { createContent } from '../../src/data/content.ts'
import { createRandom } from '../../src/data/random.ts'
import { makeSmallFiles } from '../../src/data/small-files.ts'

/** Names, kinds, sizes, modes, times and content of a tree, in one hash. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  const visit = (path: string): void => {
    const stat = lstatSync(path, { bigint: true })
    const time = stat.isSymbolicLink() ? 0n : stat.mtimeNs
    hash.update(
      `${path.slice(folder.length)} ${stat.mode} ${stat.nlink} ${stat.isFile() ? stat.size : 0} ${time}\n`,
    )
    if (stat.isSymbolicLink()) hash.update(readlinkSync(path))
    else if (stat.isFile()) hash.update(readFileSync(path))
    else for (const name of readdirSync(path).sort()) visit(join(path, name))
  }
  visit(folder)
  return hash.digest('hex')
}

t.test('the same seed makes the same big files, another seed others', async (t) => {
  const folder = t.testdir({})
  const spec = { files: 2, fileBytes: 3 * 1024 * 1024 + 5 }
  for (const [name, seed] of [
    ['a', 1],
    ['b', 1],
    ['c', 2],
  ] as const)
    await makeBigFiles(join(folder, name), spec, seed)
  t.equal(fingerprint(join(folder, 'a')), fingerprint(join(folder, 'b')))
  t.not(fingerprint(join(folder, 'a')), fingerprint(join(folder, 'c')))
  t.same(readdirSync(join(folder, 'a')), ['big-01.log', 'big-02.log'])
  t.equal(lstatSync(join(folder, 'a', 'big-02.log')).size, spec.fileBytes)
})

t.test('the same seed makes the same tree of small files', async (t) => {
  const folder = t.testdir({})
  const made = await Promise.all(
    ['a', 'b'].map((name) => makeSmallFiles(join(folder, name), { files: 400 }, 7)),
  )
  t.equal(fingerprint(join(folder, 'a')), fingerprint(join(folder, 'b')))
  t.same(made[0]?.bytes, made[1]?.bytes)
  const names = readdirSync(join(folder, 'a'), { recursive: true })
  t.equal(names.length + 1, made[0]?.entries, 'it says how many entries there are')
  const kinds = names.map((name) => lstatSync(join(folder, 'a', String(name))))
  t.ok(kinds.some((stat) => stat.isSymbolicLink()))
  t.equal(kinds.filter((stat) => stat.isFile() && stat.nlink === 2).length, 4, 'two hard-linked pairs')
  t.match(made[0]?.attributes, /^# file: .*\/a\/.*\nuser\.origin="bench-\d+"\n/)
})

t.test('sizes are log-normal around 4 KiB', async (t) => {
  const folder = join(t.testdir({}), 'tree')
  await makeSmallFiles(folder, { files: 1500 }, 3)
  const sizes = readdirSync(folder, { recursive: true })
    .map((name) => lstatSync(join(folder, String(name))))
    .filter((stat) => stat.isFile())
    .map(({ size }) => size)
    .sort((a, b) => a - b)
  const at = (part: number): number => sizes[Math.floor(part * sizes.length)] ?? 0
  t.ok(at(0.5) > 3400 && at(0.5) < 4900, `the median is ${at(0.5)}`)
  t.ok(at(0.84) / at(0.5) > 3 && at(0.84) / at(0.5) < 6, `one deviation up is ${at(0.84)}`)
})

t.test('noise stays as big as it is, log lines become a fraction', async (t) => {
  const content = createContent(createRandom(5), 256 * 1024)
  const [noise, log] = [Buffer.alloc(100_000), Buffer.alloc(100_000)]
  content.noise(noise)
  content.log(log)
  t.ok(gzipSync(noise).length > 99_000)
  t.ok(gzipSync(log).length < 40_000, `${gzipSync(log).length}`)
  t.match(log.toString(), /\n20\d\d-\d\d-\d\dT[\d:.]+Z web\d+ nb\[\d+\]: [a-z ]+ \d+\n/)
})

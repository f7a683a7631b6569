import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import {
  type Compression,
  type CopyDamage,
  type Files,
  type ImageCopy,
  type OpenFile,
  type SessionReport,
  systemFiles,
} from '@nb/contracts'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { compareTrees } from '../../client/compare-trees.ts'
import { freshDirectory } from '../../client/fresh-directory.ts'
import { decodeList } from '../../client/read-in-thread.ts'
import { noise } from '../made-image.ts'
import { type Try, makeSource, nextTry, readWritten, tarNames } from '../resuming.ts'
import { type World, allocationOf, backupId, offer } from '../world.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

function shell(script: string, cwd: string): string {
  return execFileSync('bash', ['-e', '-o', 'pipefail', '-c', script], { cwd, encoding: 'utf8' })
}

function scriptOfTheDocument(): string {
  const text = readFileSync(new URL('../../../../../docs/design/formats.md', import.meta.url), 'utf8')
  const script = /^```sh\n(#!\/bin\/sh\n[\s\S]*?)^```$/m.exec(text)?.[1]
  if (script === undefined) throw new Error('docs/design/formats.md holds no script')
  return script
}

/** Text that can be compressed, a big file that can't, and many small ones. */
function makeMixed(source: string): void {
  mkdirSync(`${source}/deep`, { recursive: true })
  writeFileSync(`${source}/a-text`, 'all work and no play makes a dull file. '.repeat(40_000))
  writeFileSync(`${source}/deep/b-big`, noise(1, 3_700_000))
  for (let index = 0; index < 300; index++) {
    writeFileSync(`${source}/c-${index}`, noise(index, index * 17))
    utimesSync(`${source}/c-${index}`, 1e9, 1e9)
  }
}

type Compressed = Try & { readonly begin: () => Promise<SessionReport> }

async function tryCompressed(
  source: string,
  root: string,
  compression: Compression,
  options: Parameters<typeof nextTry>[2] & { readonly isCheckpointed?: boolean } = {},
): Promise<Compressed> {
  const { isCheckpointed = false, ...rest } = options
  const made = await nextTry(source, root, rest)
  const { checkpointIntervalMs, ...plain } = made.spec
  const spec = {
    ...plain,
    image: { ...made.spec.image, compression },
    ...(isCheckpointed ? { checkpointIntervalMs: checkpointIntervalMs ?? 0 } : {}),
  }
  const begin = async (): Promise<SessionReport> =>
    made.world.report(await made.world.server.startBackup(spec))
  return { ...made, spec, begin }
}

const pathsOf = ({ directory }: World, copy = 1): string[] =>
  readdirSync(`${directory}/web1/${backupId}`)
    .filter((name) => name.startsWith(`${copy}-`))
    .sort()
    .map((name) => `${directory}/web1/${backupId}/${name}`)

for (const compression of ['zstd', 'gzip'] as const) {
  t.test(
    `${compression}: a tree with a file over several fragments comes back with standard tools`,
    async (t) => {
      const root = freshDirectory(t)
      const source = `${root}/source`
      makeMixed(source)
      mkdirSync(`${root}/out`)
      const { world, begin, stop } = await tryCompressed(source, root, compression)
      world.maxFragmentBytes = 2 ** 20
      const report = await begin()
      t.equal(report.status, 0, report.statusText)
      const { copies, counts } = report.written ?? {}
      const fragments = copies?.[0]?.fragments ?? []
      t.ok(fragments.length >= 5, `${fragments.length} fragments`)
      t.ok(
        fragments.some(({ wholeMembers }) => wholeMembers) &&
          fragments.some(({ wholeMembers }) => !wholeMembers),
      )
      const storedBytes = fragments.reduce((sum, fragment) => sum + (fragment.storedBytes ?? Number.NaN), 0)
      t.ok(storedBytes < (counts?.streamBytes ?? 0) - 1_200_000, `${storedBytes} bytes are stored`)
      t.ok(fragments.every((fragment) => (fragment.storedBytes ?? 0) <= 2 ** 20))
      const told = new RegExp(
        `^[\\d.]+ [KM]?i?B are stored as [\\d.]+ [KM]?i?B by ${compression}, ratio [\\d.]+$`,
      )
      t.ok(
        world.lines.some(({ text }) => told.test(text)),
        'the log tells what it has brought',
      )
      writeFileSync(`${root}/read-image.sh`, scriptOfTheDocument())
      const image = `${world.directory}/web1/${backupId}`
      shell(`sh read-image.sh ${image}/1-*.nbf | tar -xpf - -C out`, root)
      t.strictSame(compareTrees(source, `${root}/out${source}`), [])
      const whole = fragments.filter(({ wholeMembers }) => wholeMembers)
      for (const { number } of whole) {
        const file = `${image}/1-${String(number).padStart(6, '0')}.nbf`
        const names = shell(`${compression} -dc < ${file} | tar -tf -`, root).trim().split('\n')
        t.equal(names[0], '.nb/FRAGMENT.json')
        t.equal(names.at(-1), '.nb/FOOTER.json')
      }
      await stop()
    },
  )
}

t.test('a backup that is broken off goes on from its checkpoints, as if nothing had happened', async (t) => {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeSource(source)
  const once = await tryCompressed(source, root, 'zstd', { isCheckpointed: true })
  const whole = await once.begin()
  t.equal(whole.status, 0, whole.statusText)
  const expected = await readWritten(once.world, whole)
  await once.stop()
  let before: World | undefined
  for (const number of [3, 8]) {
    const { world, begin, stop } = await tryCompressed(source, root, 'zstd', {
      isCheckpointed: true,
      ...(before === undefined ? {} : { after: before }),
    })
    world.noting = async (checkpoint) => {
      if (checkpoint.number !== number) return
      const [session] = await world.server.sessions({})
      if (session !== undefined) void world.server.endSession({ ...session, status: 63, reason: 'a test' })
    }
    t.equal((await begin()).status, 63)
    await stop()
    before = world
  }
  const { world, begin, stop } = await tryCompressed(source, root, 'zstd', {
    isCheckpointed: true,
    after: before as World,
  })
  const report = await begin()
  t.equal(report.status, 0, report.statusText)
  t.same(report.written?.counts, whole.written?.counts)
  const written = await readWritten(world, report)
  t.ok(written.stream.equals(expected.stream), 'the same archive')
  t.same(decodeList(written.list).records.length, decodeList(expected.list).records.length)
  const fragments = report.written?.copies[0]?.fragments ?? []
  t.ok(fragments.every(({ wholeMembers }) => wholeMembers))
  t.equal(tarNames(world, fragments).length, expected.names.length, 'tar reads each fragment alone')
  await stop()
})

interface Kept {
  readonly world: World
  readonly copy: ImageCopy
  readonly report: SessionReport
  readonly list: Buffer
  readonly stream: Buffer
}

async function kept(t: Test, compression: Compression, files?: Files): Promise<Kept> {
  const root = freshDirectory(t)
  const source = `${root}/source`
  makeMixed(source)
  const made = await tryCompressed(source, root, compression, files === undefined ? {} : { files })
  t.teardown(made.stop)
  const { world, begin } = made
  world.maxFragmentBytes = 2 ** 20
  const report = await begin()
  const copy = report.written?.copies[0] as ImageCopy
  const list = world.lists.get(backupId) as Buffer
  return { world, report, list, stream: await streamOf(world, copy), copy }
}

async function streamOf(world: World, { fragments }: ImageCopy): Promise<Buffer> {
  const medium = await world.store.mount({ allocation: allocationOf('3', 'read', 2 ** 30), jobId: '3' })
  const pieces: Buffer[] = []
  for (const fragment of fragments) {
    const reader = await medium.openFragment({ backupId, copy: 1, fragment })
    for await (const chunk of reader.read({ offset: 0, bytes: fragment.streamBytes }))
      pieces.push(Buffer.from(chunk))
    await reader.close()
  }
  await medium.unmount()
  return Buffer.concat(pieces)
}

async function verified({ world, copy, list }: Kept): Promise<readonly CopyDamage[]> {
  const allocation = allocationOf('9', 'read', 2 ** 20)
  const input = { jobId: '9', allocation, backupId, copy, list: await offer(world.channels, list) }
  const damage: CopyDamage[] = []
  for await (const event of world.server.verifyCopy(input)) if (event.kind === 'damage') damage.push(event)
  return damage
}

t.test('whatever byte of whichever fragment is flipped, a verification finds it', async (t) => {
  for (const compression of ['zstd', 'gzip'] as const) {
    const site = await kept(t, compression)
    const paths = pathsOf(site.world)
    t.strictSame(await verified(site), [])
    const runs = process.env['NB_LONG'] === '1' ? 2000 : 12
    const seed = numberSetting('NB_SEED', 20_260_101)
    t.comment(`${runs} flips (2000 with NB_LONG=1), seed ${seed}`)
    const random = seededRandom(seed)
    for (let run = 0; run < runs; run++) {
      const index = Math.floor(random() * paths.length)
      const path = paths[index] as string
      const bytes = readFileSync(path)
      const flipped = Buffer.from(bytes)
      const at = Math.floor(random() * bytes.length)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      writeFileSync(path, flipped)
      const damage = await verified(site)
      if (damage.length === 0 || damage.some(({ fragment }) => fragment !== index + 1))
        t.fail(`byte ${at} of fragment ${index + 1}: ${JSON.stringify(damage)}`)
      writeFileSync(path, bytes)
    }
    t.strictSame(await verified(site), [], 'and it is whole again')
  }
})

/** Files that count what is read of them. */
function countedFiles(): { readonly files: Files; readonly bytes: () => number } {
  const files = systemFiles()
  let bytes = 0
  return {
    bytes: () => bytes,
    files: {
      ...files,
      open: async (path, mode): Promise<OpenFile> => {
        const file = await files.open(path, mode)
        return {
          ...file,
          read: async (target, position) => {
            bytes += target.length
            return file.read(target, position)
          },
        }
      },
    },
  }
}

t.test('one small file is read with its frames alone', async (t) => {
  const { files, bytes } = countedFiles()
  const { world, copy, list, stream } = await kept(t, 'zstd', files)
  const record = decodeList(list).records.find(({ path }) => path.toString().endsWith('/c-200'))
  const { memberOffset = 0, memberBytes = 0 } = record ?? {}
  const { fragments } = copy
  const fragment = fragments.find(
    ({ streamOffset, streamBytes }) =>
      memberOffset >= streamOffset && memberOffset < streamOffset + streamBytes,
  ) as ImageCopy['fragments'][number]
  const medium = await world.store.mount({ allocation: allocationOf('3', 'read', 2 ** 30), jobId: '3' })
  const reader = await medium.openFragment({ backupId, copy: 1, fragment })
  const before = bytes()
  const chunks: Buffer[] = []
  const range = { offset: memberOffset - fragment.streamOffset, bytes: memberBytes }
  for await (const chunk of reader.read(range)) chunks.push(Buffer.from(chunk))
  t.ok(Buffer.concat(chunks).equals(stream.subarray(memberOffset, memberOffset + memberBytes)))
  const read = bytes() - before
  t.ok(read <= 3 * 262_144, `${read} of ${fragment.storedBytes} bytes are read`)
  await reader.close()
  await medium.unmount()
})

t.test('a copy is made of the frames as they are, and imports as it is', async (t) => {
  const site = await kept(t, 'zstd')
  const { world, copy, report, list } = site
  const { server } = world
  const image = {
    ...world.backupSpec().image,
    compression: 'zstd' as const,
    state: 'complete' as const,
    ...(report.written === undefined ? {} : { counts: report.written.counts, copies: [copy] }),
  }
  const { channels } = world
  const listened = t.capture(channels, 'listen', channels.listen.bind(channels))
  const write = server.writeCopy({
    jobId: '5',
    peer: 'media2',
    allocation: allocationOf('5', 'write', 3 * 2 ** 20),
    image,
    copy: 2,
    list: await offer(world.channels, list),
  })
  let second: ImageCopy | undefined
  for await (const event of write) {
    if (event.kind === 'written') second = event.copy
    if (event.kind !== 'ready') continue
    const source = {
      jobId: '5',
      allocation: allocationOf('5', 'read', 2 ** 20),
      backupId,
      copy,
      data: event.data,
    }
    void server.sendCopy(source).then(({ bytes }) => t.equal(bytes, report.written?.counts.streamBytes))
  }
  if (second === undefined) throw new Error('no copy was written')
  t.ok(
    listened().some(({ args: [options] }) => options?.peer === 'media2'),
    'the stream is taken from its sender alone',
  )
  t.ok(second.fragments.length < copy.fragments.length)
  const sum = ({ fragments }: ImageCopy): number =>
    fragments.reduce((bytes, { storedBytes = Number.NaN }) => bytes + storedBytes, 0)
  t.equal(sum(second), sum(copy))
  t.strictSame(await verified({ ...site, copy: second }), [])
  const input = { jobId: '6', allocation: allocationOf('6', 'read', 2 ** 20), backupId, copy: 2 }
  const described = await server.describeCopy(input)
  t.strictSame(described.copy, second)
  t.match(described.image, { compression: 'zstd' })
})

import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import type { CopyDamage, ImageCopy, VerifyEvent } from '@nb/contracts'
import { FileListEncoder, type FileRecord } from '@nb/formats'
import { numberSetting, seededRandom } from '@nb/test-kit'
import t, { type Test } from 'tap'
import { type MadeImage, filesOf, makeImage, planOf } from './made-image.ts'
import { type World, allocationOf, backupId, createWorld, offer } from './world.ts'

if (process.env['NB_LONG'] === '1') t.setTimeout(3_600_000)

interface Stored {
  readonly world: World
  readonly image: MadeImage
  readonly copy: ImageCopy
  /** Paths of the fragments, in their order. */
  readonly paths: readonly string[]
}

/** An image of five files in several fragments, one of the files over three of them. */
async function stored(t: Test): Promise<Stored> {
  const world = await createWorld(t.testdir())
  t.teardown(() => world.server.stop())
  world.maxFragmentBytes = 600_000
  const image = makeImage(backupId, filesOf([100_000, 0, 1_700_000, 30, 400_000]))
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  const copy = report.written?.copies[0] as ImageCopy
  const paths = readdirSync(world.directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.nbf'))
    .sort()
    .map((name) => `${world.directory}/${name}`)
  t.ok(copy.fragments.length >= 4 && paths.length === copy.fragments.length, 'there are several fragments')
  return { world, image, copy, paths }
}

async function verify(
  { world, image, copy }: Stored,
  list: Buffer = image.list,
): Promise<{ readonly damage: readonly CopyDamage[]; readonly last: VerifyEvent | undefined }> {
  const events: VerifyEvent[] = []
  const allocation = allocationOf('9', 'read', 2 ** 20)
  const input = { jobId: '9', allocation, backupId, copy, list: await offer(world.channels, list) }
  for await (const event of world.server.verifyCopy(input)) events.push(event)
  return { damage: events.filter((event) => event.kind === 'damage'), last: events.at(-1) }
}

/** The list with another state of some records. */
const listOf = (records: readonly FileRecord[]): Buffer => planOf([backupId], records)

t.test('a copy over several fragments is whole', async (t) => {
  const site = await stored(t)
  const { damage, last } = await verify(site)
  t.strictSame(damage, [])
  t.match(last, {
    kind: 'verified',
    members: 5,
    bytes: site.image.stream.length,
    fragments: site.paths.length,
  })
})

t.test(
  'whatever byte of whichever fragment is flipped, it is found, and what is whole is not blamed',
  async (t) => {
    const site = await stored(t)
    const runs = process.env['NB_LONG'] === '1' ? 2000 : 60
    const seed = numberSetting('NB_SEED', 20_260_101)
    t.comment(`${runs} flips (2000 with NB_LONG=1), seed ${seed}`)
    const random = seededRandom(seed)
    for (let run = 0; run < runs; run++) {
      const index = Math.floor(random() * site.paths.length)
      const path = site.paths[index] as string
      const bytes = readFileSync(path)
      const at = Math.floor(random() * bytes.length)
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      writeFileSync(path, flipped)
      const { damage, last } = await verify(site)
      const where = `byte ${at} of fragment ${index + 1}`
      if (
        damage.length === 0 ||
        damage.some(({ fragment }) => fragment !== index + 1) ||
        last?.kind !== 'verified'
      )
        t.fail(`${where}: ${JSON.stringify(damage)}`)
      writeFileSync(path, bytes)
    }
    t.strictSame((await verify(site)).damage, [], 'and it is whole again')
  },
)

t.test('two damaged blocks and a fragment that is gone are each told', async (t) => {
  const site = await stored(t)
  const [first = '', , third = ''] = site.paths
  const bytes = readFileSync(first)
  const { blockBytes } = site.copy.fragments[0] as ImageCopy['fragments'][number]
  for (const block of [0, 1])
    bytes[8192 + block * blockBytes + 5] = 0xff ^ (bytes[8192 + block * blockBytes + 5] ?? 0)
  writeFileSync(first, bytes)
  rmSync(third)
  const { damage } = await verify(site)
  t.match(
    damage.map(({ fragment, block, code }) => [fragment, block, code]),
    [
      [1, 0, 'fragment-corrupt'],
      [1, 1, 'fragment-corrupt'],
      [3, undefined, 'fragment-missing'],
    ],
  )
})

t.test('an entry of the list that is of no member, and a member that is of no entry, are told', async (t) => {
  const site = await stored(t)
  const [a, b, c, d, e] = site.image.records as [FileRecord, FileRecord, FileRecord, FileRecord, FileRecord]
  const messages = async (records: readonly FileRecord[]): Promise<string> =>
    (await verify(site, listOf(records))).damage.map(({ code, message }) => `${code} ${message}`).join('\n')
  t.match(
    await messages([a, b, d, e]),
    /^image-inconsistent a member at byte \d+ of the stream is of no entry/,
  )
  t.match(
    await messages([a, { ...b, memberOffset: b.memberOffset + 512 }, c, d, e]),
    /of no entry[^]*000001.bin: no member begins at byte/,
  )
  t.match(
    await messages([a, b, c, { ...d, sizeBytes: 31 }, e]),
    /000003.bin: the member .* is of another file$/,
  )
  const beyond = { ...e, path: Buffer.from('/data/zz'), memberOffset: site.image.stream.length }
  t.match(await messages([a, b, c, d, e, beyond]), /\/data\/zz: no member begins/)
  t.equal(
    await messages([a, b, c, d, e, { ...beyond, memberBytes: 0, flags: 2 }]),
    '',
    'but one without data is none',
  )
})

t.test('content that has another digest than the list says is told', async (t) => {
  const site = await stored(t)
  const records = site.image.records.map((record, index) => ({
    ...record,
    digest: createHash('sha256')
      .update(site.image.files[index]?.content ?? '')
      .digest(),
  }))
  const messages = async (list: readonly FileRecord[], algorithm: string): Promise<readonly string[]> =>
    (await verify(site, planOf([backupId], list, algorithm))).damage.map(({ message }) => message)
  t.strictSame(await messages(records, 'sha256'), [])
  const wrong = records.map((record, index) =>
    index === 1 || index === 2 ? { ...record, digest: Buffer.alloc(32) } : record,
  )
  t.strictSame(await messages(wrong, 'sha256'), [
    '/data/000001.bin: its content has another sha256 than the file list says',
    '/data/000002.bin: its content has another sha256 than the file list says',
  ])
  t.strictSame(await messages(wrong, 'of-tomorrow'), [], 'an algorithm that is not known says nothing')
})

t.test('a list of many batches is compared entry by entry, and one in disorder ends it', async (t) => {
  const world = await createWorld(t.testdir())
  t.teardown(() => world.server.stop())
  const image = makeImage(backupId, filesOf(Array.from({ length: 700 }, (_, index) => index % 3)))
  world.agent.script = { image }
  const report = await world.report(await world.server.startBackup(world.backupSpec()))
  const site = { world, image, copy: report.written?.copies[0] as ImageCopy, paths: [] }
  const { records } = image
  const batches = (of: readonly FileRecord[]): Buffer => {
    const encoder = new FileListEncoder({ images: [backupId, 'earlier_1'], batchBytes: 512 })
    const made = of.map((record) => encoder.add(record)).concat(encoder.flush())
    return Buffer.concat(made.filter((batch) => batch !== undefined))
  }
  const header = new FileListEncoder({ images: [backupId] }).header()
  const listOfAll = Buffer.concat([header, batches(records)])
  t.match(await verify(site, listOfAll), { damage: [], last: { kind: 'verified', members: 700 } })
  const lacking = Buffer.concat([header, batches(records.filter((_, index) => index !== 350))])
  t.match(await verify(site, lacking), {
    damage: [{ message: /is of no entry/ }],
    last: { kind: 'verified', members: 700 },
  })
  const twice = Buffer.concat([header, batches(records.slice(0, 350)), batches(records.slice(349))])
  await t.rejects(verify(site, twice), { code: 'file-list-corrupt', message: /begins before/ })
  const last = records[699] as FileRecord
  const ofOthers = Buffer.concat([header, batches([...records.slice(0, -1), { ...last, imageIndex: 1 }])])
  await t.rejects(verify(site, ofOthers), { code: 'file-list-corrupt', message: /image 1 of 1/ })
})

t.test('a list that is damaged, and a row with a gap, end it or are told', async (t) => {
  const site = await stored(t)
  await t.rejects(verify(site, site.image.list.subarray(0, -1)), { code: 'file-list-corrupt' })
  const fragments = site.copy.fragments.filter(({ number }) => number !== 2)
  const { damage } = await verify({ ...site, copy: { ...site.copy, fragments } })
  t.match(damage[0], { code: 'image-inconsistent', message: /fragment 3 from byte \d+ where 2 / })
})

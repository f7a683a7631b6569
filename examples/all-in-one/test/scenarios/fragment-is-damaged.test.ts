import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ImageRecord, type Job, type Path, toPath, verifyJobRequest } from '@nb/contracts'
import { collect } from '@nb/test-kit'
import t from 'tap'
import { compareTrees } from '../../../../packages/transfer/test/client/compare-trees.ts'
import { clientName } from '../../src/compose.ts'
import { type BootedServer, boot } from '../support/boot.ts'
import { scratch } from '../support/run-example.ts'
import { backUp, restoreTo } from '../support/site.ts'

t.setTimeout(110_000)

const names = ['first', 'second', 'third', 'fourth', 'fifth'].map((name) => `${name}.data`)

/** Flips one byte in the middle of what a fragment holds of a file; gives the fragment's number. */
function damage(state: string, content: Buffer): number {
  const [client = ''] = readdirSync(join(state, 'disk1')).filter((name) => !name.startsWith('.'))
  const [image = ''] = readdirSync(join(state, 'disk1', client)).sort()
  const folder = join(state, 'disk1', client, image)
  const sample = content.subarray(300_000, 300_064)
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, name))
    const at = bytes.indexOf(sample)
    if (at < 0) continue
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(join(folder, name), bytes)
    return Number(/^1-(\d+)\.nbf$/.exec(name)?.[1])
  }
  throw new Error('no fragment holds the sample')
}

async function restorePaths(
  { ports }: BootedServer,
  source: string,
  backupId: string,
  paths: readonly string[],
  directory: string,
): Promise<Job> {
  const { jobId } = await ports.restores.submit({
    requestId: randomUUID(),
    from: { client: clientName, backupId },
    paths: paths.map((path): Path => toPath(path)),
    target: { kind: 'directory', directory: toPath(directory), strip: toPath(source) },
  })
  return await ports.jobs.wait({ jobId })
}

t.test('one byte of a fragment has changed on the disk', async (t) => {
  const root = scratch('damaged')
  const [source, state] = [join(root, 'source'), join(root, 'state')]
  mkdirSync(source)
  for (const name of names) writeFileSync(join(source, name), randomBytes(600_000))
  const server = await boot(state)
  t.teardown(() => server.stop())
  const damaged = await backUp(server, source, 'full')
  const sound = await backUp(server, source, 'full')
  t.match([damaged.status, sound.status], [0, 0])
  const number = damage(state, readFileSync(join(source, 'third.data')))

  await t.test('a verification finds it, and nothing else', async (t) => {
    const verify = async (backupId = ''): Promise<Job> => {
      const image = (await server.ports.catalog.getImage({ backupId })) as ImageRecord
      const request = verifyJobRequest(image, { requestId: randomUUID() })
      return server.ports.jobs.wait(await server.ports.jobs.submit(request))
    }
    const good = await verify(sound.backupId)
    t.match(good, { status: 0, type: 'verify', progress: { files: names.length + 1 } }, good.statusText ?? '')
    const bad = await verify(damaged.backupId)
    t.equal(bad.status, 191)
    t.match(bad.statusText, new RegExp(`^1 fault .*ragment ${number} .*block \\d+`))
    const lines = await collect(server.ports.jobs.log({ jobId: bad.id }))
    t.equal(lines.filter(({ text }) => text.startsWith('Fragment ')).length, 1, 'one line tells it')
  })

  const target = join(root, 'whole')
  const whole = await restoreTo(server, source, damaged.backupId as string, target)
  t.equal(whole.status, 85, whole.statusText ?? '')
  t.match(whole.statusText, new RegExp(`ragment ${number} `), 'names the fragment')
  t.match(whole.statusText, /block \d+/, 'names the block')
  t.match(whole.statusText, damaged.backupId ?? 'an id', 'names the image')
  const lines = await collect(server.ports.jobs.log({ jobId: whole.id }))
  t.match(
    lines.filter((line) => line.severity === 'error').map((line) => line.text),
    [/block \d+/],
    'so does the job log',
  )

  t.notOk(existsSync(join(target, 'third.data')), 'the damaged file is not there, not even in part')
  const restored = existsSync(target) ? readdirSync(target) : []
  t.same(
    restored.filter((name) => !names.includes(name)),
    [],
    'nothing half-written stays',
  )
  for (const name of restored)
    t.ok(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), `${name} is whole`)

  await t.test('the files in its undamaged blocks can still be restored', async (t) => {
    const others = ['first.data', 'fifth.data']
    const directory = join(root, 'others')
    const job = await restorePaths(
      server,
      source,
      damaged.backupId as string,
      others.map((name) => join(source, name)),
      directory,
    )
    t.equal(job.status, 0, job.statusText ?? '')
    for (const name of others)
      t.ok(readFileSync(join(directory, name)).equals(readFileSync(join(source, name))), name)
  })

  await t.test('everything can be restored from another image', async (t) => {
    const job = await restoreTo(server, source, sound.backupId as string, join(root, 'from-sound'))
    t.equal(job.status, 0, job.statusText ?? '')
    t.same(compareTrees(source, join(root, 'from-sound')), [])
  })

  await t.test('a fragment that is gone ends the restore with 165 and its name', async (t) => {
    const image = (await server.ports.catalog.getImage({ backupId: sound.backupId as string })) as ImageRecord
    await server.ports.mediaServer.removeImage({ storageUnit: 'disk1', backupId: image.backupId })
    const job = await restoreTo(server, source, image.backupId, join(root, 'from-nothing'))
    t.match(job, { status: 165, statusText: /Fragment 1 of copy 1 of image .* is not on storage unit disk1/ })
    t.same(existsSync(join(root, 'from-nothing')) ? readdirSync(join(root, 'from-nothing')) : [], [])
  })
})

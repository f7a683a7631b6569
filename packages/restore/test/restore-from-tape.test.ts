import { type FragmentRecord, systemFiles, toPath } from '@nb/contracts'
import { restoreRequest } from '@nb/test-kit'
import t from 'tap'
import { createNeededImageFiles } from '../src/needed-image.ts'
import { planRestore } from '../src/plan.ts'
import { createWorld } from './world.ts'

type World = ReturnType<typeof createWorld>

/** Fragments that hold two entries each, on these volumes. */
const twoEach = (...volumes: readonly string[]): readonly FragmentRecord[] =>
  volumes.map((volumeId, index) => ({
    number: index + 1,
    streamOffset: index * 2048,
    streamBytes: 2048,
    wholeMembers: true,
    blockBytes: 262_144,
    volumeId,
    filemark: index + 2,
  }))

/** A full over A1, A2 and A3, an incremental on A3, and one of another stream on B1. */
function putTapes({ catalog }: World): void {
  const place = { storageUnit: 'tape1' }
  const paths = ['/srv', '/srv/a', '/srv/b', '/srv/c', '/srv/d', '/srv/e']
  const entries = paths.map(
    (path) => ({ path, sizeBytes: 9, kind: path === '/srv' ? 'directory' : 'file' }) as const,
  )
  catalog.put({ backupId: 'web1_1000', ...place, entries, fragments: twoEach('A1', 'A2', 'A3') })
  catalog.put({
    backupId: 'web1_2000',
    ...place,
    stream: 'srv',
    streamSet: ['srv', 'etc'],
    entries: [
      ...entries.map((entry) => ({ ...entry, from: 'web1_1000' })),
      { path: '/srv/new', sizeBytes: 1 },
    ],
    fragments: [{ ...(twoEach('A3')[0] as FragmentRecord), streamBytes: 2 ** 20 }],
  })
  catalog.put({
    backupId: 'web1_2001',
    ...place,
    stream: 'etc',
    streamSet: ['srv', 'etc'],
    entries: [{ path: '/etc' }, { path: '/etc/x', sizeBytes: 1 }],
    fragments: twoEach('B1'),
  })
}

const planOf = ({ catalog, channels }: World, ...paths: readonly string[]) =>
  planRestore(
    { catalog, channels },
    restoreRequest({ paths: paths.map((path) => toPath(path)), target: { kind: 'original' } }),
  )

t.test(
  'images that share a volume are a group; only the volumes that hold what is wanted are in the plan',
  async (t) => {
    const world = createWorld()
    putTapes(world)
    const shown = async (...paths: readonly string[]) =>
      (await planOf(world, ...paths)).groups.map(({ volumes, sources }) => [
        volumes?.join(' '),
        ...sources.map(
          ({ backupId, needed }) => `${backupId} ${needed?.map(({ number }) => number).join(',')}`,
        ),
      ])
    t.same(await shown('/srv', '/etc'), [
      ['A1 A2 A3', 'web1_1000 1,2,3', 'web1_2000 1'],
      ['B1', 'web1_2001 1'],
    ])
    t.same(await shown('/srv/b'), [['A2', 'web1_1000 2']], 'one file of a spanned image')
    t.same(await shown('/srv/d', '/etc/x'), [
      ['A3', 'web1_1000 3'],
      ['B1', 'web1_2001 1'],
    ])
  },
)

t.test('a needed-image plan is written, read by the child, and removed at the end', async (t) => {
  const directory = `${t.testdir()}/needed`
  const files = systemFiles()
  const world = createWorld(undefined, createNeededImageFiles({ files, directory }))
  await world.restores.start()
  putTapes(world)
  const request = restoreRequest({
    paths: [toPath('/srv/b'), toPath('/etc/x')],
    target: { kind: 'original' },
  })
  const { jobId } = await world.restores.submit(request)
  const first = await world.mediaServer.nextSession()
  const [name] = await files.list(directory)
  const written = JSON.parse(String(await files.readFile(`${directory}/${name}`))) as object
  t.match(written, {
    version: 1,
    requestId: request.requestId,
    groups: [
      {
        storageUnit: 'tape1',
        volumes: ['A2'],
        sources: [{ backupId: 'web1_1000', needed: [{ number: 2, volumeId: 'A2', filemark: 3 }] }],
      },
      { volumes: ['B1'] },
    ],
  })
  t.match(first.spec, { need: { kind: 'read', storageUnit: 'tape1' }, last: false })
  first.end(0)
  ;(await world.mediaServer.nextSession()).end(0)
  await world.noted.ended(jobId)
  t.same(await files.list(directory), [])
  const texts = world.noted.lines(jobId).map(({ step, text }) => `${step?.number} ${text}`)
  t.match(texts.join('\n'), /^2 .*on tape, so a needed-image plan is written: volumes A2, B1$/m)
  t.match(
    texts.join('\n'),
    /^4 tape: a child manages the restore by its needed-image plan, 2 groups of volumes$/m,
  )
  t.match(texts.join('\n'), /^5 starts a session on media server media1 for tape1: volume A2$/m)
  t.match(texts.join('\n'), /^17 .*the needed-image plan is removed/m)
  await world.restores.stop()
})

t.test('what a killed process has left is removed at the next start; nothing else is', async (t) => {
  const directory = t.testdir({ other: 'stays' })
  const plans = createNeededImageFiles({ files: systemFiles(), directory })
  await plans.write({ version: 1, requestId: 'r 1/2', groups: [] })
  t.match(await plans.read('r 1/2'), { requestId: 'r 1/2' })
  await t.rejects(plans.read('r2'), { code: 'store-corrupt' })
  const world = createWorld(undefined, plans)
  await world.restores.start()
  t.same(await systemFiles().list(directory), ['other'])
})

t.test('a plan that cannot be read any more ends its restore, and stays for nobody', async (t) => {
  const directory = `${t.testdir()}/needed`
  const files = systemFiles()
  const plans = createNeededImageFiles({ files, directory })
  const world = createWorld(undefined, { ...plans, read: () => plans.read('another') })
  putTapes(world)
  const { jobId } = await world.restores.submit(
    restoreRequest({ paths: [toPath('/etc')], target: { kind: 'original' } }),
  )
  const job = await world.noted.ended(jobId)
  t.not(job.status, 0)
  t.match(job.statusText, /needed-image plan/)
  t.same(await files.list(directory), [])
})

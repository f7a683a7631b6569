import assert from 'node:assert/strict'
import {
  type RestoreRequest,
  type RestoreService,
  type RestoreTarget,
  displayPath,
  pathFromBytes,
  type UserRunRequest,
  NbError,
  toPath,
} from '@nb/contracts'
import type { ListedCatalog } from '../fakes/listed-catalog.ts'
import type { NotedJobs } from '../fakes/noted-jobs.ts'
import type { ReadPlan, ScriptedMediaServer } from '../fakes/scripted-media-server.ts'
import type { NotedScheduler } from '../fakes/noted-scheduler.ts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/** What the suite of restore services works with. */
export interface RestoreServiceFixture {
  readonly restores: RestoreService
  /** Empty; the suite puts images into it. */
  readonly catalog: ListedCatalog
  readonly noted: NotedJobs
  /** Registered as `media1`; no other is registered. */
  readonly mediaServer: ScriptedMediaServer
  /** What the service hands user backups to. */
  readonly scheduler: NotedScheduler
}

const full = 'web1_1000'
const incremental = 'web1_2000'

/** A request for all of `/srv` of client web1, into `/target`, that a test changes as it likes. */
export function restoreRequest(changes: Partial<RestoreRequest> = {}): RestoreRequest {
  return {
    requestId: 'r1',
    from: { client: 'web1' },
    paths: [toPath('/srv')],
    target: { kind: 'directory', directory: toPath('/target'), strip: toPath('/srv') },
    ...changes,
  }
}

/** Puts a full image on disk1 and an incremental on `storageUnit` that needs it: `/srv/new` is new, the rest is old. */
export function putChain(catalog: ListedCatalog, storageUnit = 'disk1', mediaServer = 'media1'): void {
  const old = [
    { path: '/srv', kind: 'directory' },
    { path: '/srv/a', sizeBytes: 100 },
    { path: '/srv/b', sizeBytes: 200 },
  ] as const
  catalog.put({ backupId: full, entries: old })
  catalog.put({
    backupId: incremental,
    storageUnit,
    mediaServer,
    entries: [...old.map((entry) => ({ ...entry, from: full })), { path: '/srv/new', sizeBytes: 5 }],
  })
}

/** Puts two streams of a policy, each on a storage unit of its own; a list of `/srv` needs both. */
export function putStreams(catalog: ListedCatalog): void {
  const streamSet = ['data', 'web']
  catalog.put({
    backupId: full,
    stream: 'data',
    streamSet,
    entries: [
      { path: '/srv/data', kind: 'directory' },
      { path: '/srv/data/a', sizeBytes: 100 },
    ],
  })
  catalog.put({
    backupId: incremental,
    storageUnit: 'disk2',
    stream: 'web',
    streamSet,
    entries: [
      { path: '/srv/web', kind: 'directory' },
      { path: '/srv/web/index', sizeBytes: 7 },
    ],
  })
}

/** A request for a backup of `/home/ann`, that a test changes as it likes. */
export function userRunRequest(changes: Partial<UserRunRequest> = {}): UserRunRequest {
  return {
    requestId: 'u1',
    client: 'web1',
    type: 'user-backup',
    paths: [toPath('/home/ann')],
    requestedBy: 'ann',
    ...changes,
  }
}

/** The paths of a plan, with the image each comes from: `/a web1_1000`. */
export function placesOf({ images, records }: ReadPlan): readonly string[] {
  return records.map(
    ({ path, imageIndex }) => `${displayPath(pathFromBytes(path))} ${images[imageIndex] ?? '?'}`,
  )
}

/** The obligations of a {@link RestoreService}. */
export function restoreServiceSuite<Fixture extends RestoreServiceFixture>(
  context: SuiteContext,
  setup: SuiteSetup<Fixture>,
): void {
  const test = (name: string, body: (fixture: Fixture) => Promise<void>): unknown =>
    withFixture(context, setup, name, body)

  test('a request becomes a job that its session ends', async ({ restores, catalog, noted, mediaServer }) => {
    putChain(catalog)
    const { jobId } = await restores.submit(restoreRequest({ requestedBy: 'ann' }))
    const [registered] = noted.registered
    assert.equal(registered?.type, 'restore')
    assert.equal(registered.client, 'web1')
    assert.equal(registered.backupId, incremental)
    assert.deepEqual(
      registered.lines.map(({ step }) => step),
      [1, 2].map((number) => ({ flow: 'restore', number })),
      'the first two steps are told when the job is there',
    )
    assert.match(registered.lines[0]?.text ?? '', /^ann asks for \/srv of client web1, to \/target$/)
    const session = await mediaServer.nextSession()
    assert.equal(session.spec.jobId, jobId)
    assert.equal(session.spec.client, 'web1')
    assert.deepEqual(session.spec.target, { root: '/target', ifExists: 'fail' })
    session.end(0, { entries: 4, bytes: 305, skipped: 0 })
    assert.equal((await noted.ended(jobId)).status, 0)
  })

  test('a session is given the wanted files, where they go, and the images that hold them', async ({
    restores,
    catalog,
    mediaServer,
    noted,
  }) => {
    putChain(catalog)
    const { jobId } = await restores.submit(restoreRequest())
    const session = await mediaServer.nextSession()
    assert.deepEqual(
      session.spec.images.map(({ backupId }) => backupId),
      [full, incremental],
      'older images first',
    )
    assert.deepEqual(session.spec.need, { kind: 'read', storageUnit: 'disk1' })
    assert.equal(session.spec.last, true)
    const wanted = [`/ ${full}`, `/a ${full}`, `/b ${full}`, `/new ${incremental}`]
    assert.deepEqual(placesOf(await session.readPlan('mediaPlan')), wanted)
    assert.deepEqual(placesOf(await session.readPlan('clientPlan')), wanted)
    session.end(0)
    await noted.ended(jobId)
  })

  test('an earlier image, another client and the original place can be asked for', async ({
    restores,
    catalog,
    mediaServer,
    noted,
  }) => {
    putChain(catalog)
    const { jobId } = await restores.submit(
      restoreRequest({
        from: { client: 'web1', backupId: full },
        paths: [toPath('/srv/b')],
        destinationClient: 'web2',
        target: { kind: 'original' },
        ifExists: 'skip',
      }),
    )
    const session = await mediaServer.nextSession()
    assert.equal(noted.registered[0]?.client, 'web2')
    assert.equal(session.spec.client, 'web2')
    assert.deepEqual(session.spec.target, { root: '/', ifExists: 'skip' })
    assert.deepEqual(placesOf(await session.readPlan('clientPlan')), [`/srv/b ${full}`])
    session.end(0)
    await noted.ended(jobId)
  })

  test('the same request id is the same restore, while it runs and for ever after', async ({
    restores,
    catalog,
    noted,
    mediaServer,
  }) => {
    putChain(catalog)
    const [first, second] = await Promise.all([
      restores.submit(restoreRequest()),
      restores.submit(restoreRequest()),
    ])
    assert.deepEqual(second, first)
    const session = await mediaServer.nextSession()
    assert.deepEqual(await restores.submit(restoreRequest()), first)
    session.end(0)
    await noted.ended(first.jobId)
    assert.deepEqual(await restores.submit(restoreRequest()), first)
    assert.equal(noted.registered.length, 1)
    assert.equal(mediaServer.started.length, 1)
  })

  const refused: readonly [what: string, code: string, changes: Partial<RestoreRequest>][] = [
    ['a client without images', 'no-image-matches', { from: { client: 'web9' } }],
    ['a time before the first image', 'no-image-matches', { from: { client: 'web1', at: 5 } }],
    ['a path that no image holds', 'path-not-backed-up', { paths: [toPath('/srv/gone')] }],
    ['a relative path', 'argument-invalid', { paths: [toPath('srv')] }],
    ['a path that climbs', 'argument-invalid', { paths: [toPath('/srv/../etc')] }],
    ['a relative target', 'argument-invalid', { target: directory({ directory: toPath('target') }) }],
    ['a target that climbs', 'argument-invalid', { target: directory({ directory: toPath('/target/..') }) }],
    [
      'a path outside what is stripped',
      'argument-invalid',
      { target: directory({ strip: toPath('/srv/a') }) },
    ],
    [
      'renames that bring two files to one path',
      'argument-invalid',
      { target: directory({ strip: toPath('/srv'), rename: [{ from: toPath('/a'), to: toPath('/b') }] }) },
    ],
    ['no path at all', 'value-missing', { paths: [] }],
  ]
  for (const [what, code, changes] of refused) {
    test(`${what} is refused before any job exists`, async ({ restores, catalog, noted, mediaServer }) => {
      putChain(catalog)
      await assert.rejects(restores.submit(restoreRequest(changes)), { name: 'NbError', code })
      await assert.rejects(restores.preview(restoreRequest(changes)), { name: 'NbError', code })
      assert.equal(noted.registered.length, 0)
      assert.equal(mediaServer.started.length, 0)
    })
  }

  test('a call that is aborted before it begins leaves no job', async ({ restores, catalog, noted }) => {
    putChain(catalog)
    await assert.rejects(restores.submit(restoreRequest(), { signal: AbortSignal.abort() }), {
      name: 'AbortError',
    })
    assert.equal(noted.registered.length, 0)
  })

  test('a preview tells what would be read, and starts nothing', async ({ restores, catalog, noted }) => {
    putChain(catalog, 'disk2')
    assert.deepEqual(await restores.preview(restoreRequest()), {
      backupId: incremental,
      entries: 4,
      bytes: 305,
      images: [
        { backupId: full, storageUnit: 'disk1', entries: 3, bytes: 300 },
        { backupId: incremental, storageUnit: 'disk2', entries: 1, bytes: 5 },
      ],
    })
    assert.equal(noted.registered.length, 0)
  })

  test('a session that fails gives the job its status', async ({ restores, catalog, noted, mediaServer }) => {
    putChain(catalog)
    const { jobId } = await restores.submit(restoreRequest())
    const session = await mediaServer.nextSession()
    session.end(85)
    const job = await noted.ended(jobId)
    assert.equal(job.status, 85)
    assert.match(job.statusText ?? '', /^85: /)
  })

  test('a media server that is not registered ends the job with 2826', async ({
    restores,
    catalog,
    noted,
  }) => {
    putChain(catalog, 'disk2', 'media9')
    const { jobId } = await restores.submit(restoreRequest({ paths: [toPath('/srv/new')] }))
    const job = await noted.ended(jobId)
    assert.equal(job.status, 2826)
    assert.match(job.statusText ?? '', /media9/)
  })

  test('a cancelled restore ends with 150', async ({ restores, catalog, noted, mediaServer }) => {
    putChain(catalog)
    // The job manager ends the session of a job it cancels; before there is one, the flow sees the request itself.
    mediaServer.onStart = ({ jobId }) => noted.cancel(jobId)
    const { jobId } = await restores.submit(restoreRequest())
    assert.equal((await noted.ended(jobId)).status, 150)
  })

  test('files of several streams are one restore, group after group', async ({
    restores,
    catalog,
    mediaServer,
    noted,
  }) => {
    putStreams(catalog)
    const { jobId } = await restores.submit(restoreRequest())
    const first = await mediaServer.nextSession()
    assert.deepEqual(placesOf(await first.readPlan('clientPlan')), [`/data ${full}`, `/data/a ${full}`])
    assert.deepEqual([first.spec.need, first.spec.last], [{ kind: 'read', storageUnit: 'disk1' }, false])
    // A stream that is backed up meanwhile is not what was asked for.
    catalog.put({
      backupId: 'web1_3000',
      stream: 'web',
      streamSet: ['data', 'web'],
      entries: [{ path: '/srv/x' }],
    })
    first.end(0, { entries: 2, bytes: 9, skipped: 0 })
    const second = await mediaServer.nextSession()
    assert.deepEqual(second.spec.restoredBefore, { files: 2, bytes: 9 }, 'the job counts all groups')
    assert.deepEqual(placesOf(await second.readPlan('mediaPlan')), [
      `/web ${incremental}`,
      `/web/index ${incremental}`,
    ])
    assert.deepEqual([second.spec.need, second.spec.last], [{ kind: 'read', storageUnit: 'disk2' }, true])
    assert.equal(second.spec.restoreId, first.spec.restoreId)
    second.end(0)
    assert.equal((await noted.ended(jobId)).status, 0)
    assert.equal(mediaServer.started.length, 2)
    assert.equal(noted.registered.length, 1)
  })

  test('a preview sums over streams; what one stream holds reads only that', async ({
    restores,
    catalog,
  }) => {
    putStreams(catalog)
    assert.deepEqual(await restores.preview(restoreRequest()), {
      backupId: incremental,
      entries: 4,
      bytes: 107,
      images: [
        { backupId: full, storageUnit: 'disk1', entries: 2, bytes: 100 },
        { backupId: incremental, storageUnit: 'disk2', entries: 2, bytes: 7 },
      ],
    })
    assert.deepEqual(await restores.preview(restoreRequest({ paths: [toPath('/srv/data')] })), {
      backupId: full,
      entries: 2,
      bytes: 100,
      images: [{ backupId: full, storageUnit: 'disk1', entries: 2, bytes: 100 }],
    })
  })

  test('a user’s backup goes to the scheduler, its paths in their one form', async ({
    restores,
    scheduler,
  }) => {
    const paths = ['/home/ann/', '/home/ann', '/home/ann/notes'].map(toPath)
    const { jobId } = await restores.backup(userRunRequest({ paths, policy: 'users', schedule: 'by-hand' }))
    assert.deepEqual(scheduler.requests, [
      {
        ...userRunRequest({ policy: 'users', schedule: 'by-hand' }),
        paths: ['/home/ann', '/home/ann/notes'].map(toPath),
      },
    ])
    assert.equal(jobId, scheduler.jobIdOf('u1'))
    assert.deepEqual(await restores.backup(userRunRequest({ type: 'user-archive', requestId: 'u2' })), {
      jobId: scheduler.jobIdOf('u2'),
    })
  })

  test('what the scheduler refuses is refused', async ({ restores, scheduler }) => {
    scheduler.refuseNext(new NbError('outside-window', 'the window of schedule by-hand opens at 20:00'))
    await assert.rejects(restores.backup(userRunRequest()), {
      name: 'NbError',
      code: 'outside-window',
      status: 199,
    })
  })

  const senseless: readonly [what: string, code: string, changes: Partial<UserRunRequest>][] = [
    ['no path', 'value-missing', { paths: [] }],
    ['a relative path', 'argument-invalid', { paths: [toPath('notes')] }],
    ['a path that climbs', 'argument-invalid', { paths: [toPath('/home/../etc')] }],
    ['no client', 'value-missing', { client: '' }],
    ['no request id', 'value-missing', { requestId: '' }],
    ['an archive of everything', 'argument-invalid', { type: 'user-archive', paths: [toPath('/')] }],
  ]
  for (const [what, code, changes] of senseless) {
    test(`a user’s backup with ${what} is refused`, async ({ restores, scheduler }) => {
      await assert.rejects(restores.backup(userRunRequest(changes)), { name: 'NbError', code })
      assert.deepEqual(scheduler.requests, [])
    })
  }

  test('names that are not UTF-8 arrive as they were', async ({ restores, catalog, noted, mediaServer }) => {
    const odd = pathFromBytes(Buffer.from([0x2f, 0x73, 0xff, 0xc3]))
    catalog.put({ backupId: full, entries: [{ path: odd }] })
    const { jobId } = await restores.submit(restoreRequest({ paths: [odd], target: { kind: 'original' } }))
    const session = await mediaServer.nextSession()
    const { records } = await session.readPlan('mediaPlan')
    assert.deepEqual([...(records[0]?.path ?? [])], [0x2f, 0x73, 0xff, 0xc3])
    session.end(0)
    await noted.ended(jobId)
  })
}

function directory(changes: object): RestoreTarget {
  return { kind: 'directory', directory: toPath('/target'), ...changes }
}

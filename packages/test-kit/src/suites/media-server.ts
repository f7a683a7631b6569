import assert from 'node:assert/strict'
import {
  type Allocation,
  type BackupCheckpoint,
  type BackupSessionSpec,
  type ChannelTicket,
  type ErrorCode,
  type ImageCopy,
  type MediaAnswer,
  type MediaRequest,
  type MediaServer,
  NbError,
  type RestoreSessionSpec,
  type SessionReport,
  type StoredImage,
  type VerifyEvent,
  isAbortError,
} from '@nb/contracts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'

/** What a client does in a backup: sends a small image, fails with `source-unreadable` (2), or sends a little and then nothing. */
export type ClientConduct = 'works' | 'fails' | 'waits'

/** What the suite of `MediaServer` works on: a server among neighbours that the test directs. */
export interface MediaServerFixture {
  readonly server: MediaServer
  /** A storage unit of the server, empty at first. */
  readonly storageUnit: string
  /** A new job's backup to that storage unit. */
  readonly backup: (conduct: ClientConduct) => Promise<BackupSessionSpec>
  /** A new job's restore of all that a backup has written. */
  readonly restore: (report: SessionReport) => Promise<RestoreSessionSpec>
  /** A new job's removal of an archive that is whole, from a client that removes 5 entries, and keeps 2 more where it `keeps`. Needed where the server runs removals. */
  readonly removal?: (conduct: ClientConduct | 'keeps') => Promise<Parameters<MediaServer['startRemoval']>[0]>
  /** The next request for media that the job manager has got and that was not given yet. */
  readonly nextRequest: () => Promise<MediaRequest>
  /** A grant of what a request asks for. */
  readonly grantOf: (request: MediaRequest) => MediaAnswer
  /** The reports that the job manager has got. */
  readonly reports: () => readonly SessionReport[]
  /**
   * The checkpoints that it has got. A client that takes checkpoints stands still at two in the first 200 kB of its image.
   * Needed where the server takes checkpoints.
   */
  readonly checkpoints?: () => readonly BackupCheckpoint[]
  /** A ticket whose channel gives the file list that a backup has sent. Needed where the server verifies. */
  readonly fileList?: (report: SessionReport) => Promise<ChannelTicket>
  /** A ticket whose channel takes a file list, and what has come when it has ended. Needed where the server verifies. */
  readonly receiveList?: () => Promise<{ readonly ticket: ChannelTicket; readonly received: Promise<Buffer> }>
}

/** What a media server can do. */
export interface MediaServerSupports {
  /** Takes checkpoints and goes on from them. */
  readonly checkpoints: boolean
  /** Removes from clients what archives have saved. @default false */
  readonly removals?: boolean
  /** Reads copies again and compares them. @default false */
  readonly verifies?: boolean
}

type Check = (name: string, body: (fixture: MediaServerFixture) => Promise<void>) => void

/** The obligations of `MediaServer`. */
export function mediaServerSuite(
  context: SuiteContext,
  setup: SuiteSetup<MediaServerFixture>,
  supports: MediaServerSupports = { checkpoints: false },
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  working(check)
  media(check)
  ending(check)
  if (supports.removals === true) removing(check)
  if (supports.checkpoints) checkpointing(check)
  if (supports.verifies === true) verifying(check)
  images(check)
}

function working(check: Check): void {
  check('a backup ends by itself, with everything durable and one report', async (fixture) => {
    const { spec, report } = await backedUp(fixture)
    assert.equal(report.status, 0, report.statusText)
    assert.equal(report.jobId, spec.jobId)
    assert.ok((report.written?.counts.streamBytes ?? 0) > 0)
    const [copy] = report.written?.copies ?? []
    const length = copy?.fragments.reduce((sum, { streamBytes }) => sum + streamBytes, 0)
    assert.equal(length, report.written?.counts.streamBytes)
    assert.deepEqual(fixture.reports(), [report])
    assert.deepEqual(await fixture.server.sessions({}), [])
    const [stored] = await storedOn(fixture)
    assert.deepEqual(
      [stored?.backupId, stored?.copy, stored?.fragments],
      [spec.image.backupId, copy?.copy, copy?.fragments.length],
    )
  })
  check('the same request starts one session, also after it has ended', async (fixture) => {
    const spec = await fixture.backup('works')
    const session = await fixture.server.startBackup(spec)
    assert.deepEqual(await fixture.server.startBackup(spec), session)
    await answerNext(fixture)
    await fixture.server.waitSession(session)
    assert.deepEqual(await fixture.server.startBackup(spec), session)
    assert.equal(fixture.reports().length, 1)
  })
  check('a restore gives back what a backup has written', async (fixture) => {
    const { report } = await backedUp(fixture)
    const spec = await fixture.restore(report)
    const session = await fixture.server.startRestore(spec)
    assert.deepEqual(await fixture.server.startRestore(spec), session)
    const request = await answerNext(fixture)
    assert.equal(request.need.kind, 'read')
    const restored = await fixture.server.waitSession(session)
    assert.equal(restored.status, 0, restored.statusText)
    assert.equal(restored.kind, 'restore')
    assert.ok((restored.restored?.bytes ?? 0) > 0)
    assert.deepEqual(fixture.reports(), [report, restored])
  })
  check('living sessions are told', async (fixture) => {
    const spec = await fixture.backup('works')
    const { sessionId } = await fixture.server.startBackup(spec)
    const request = await fixture.nextRequest()
    const living = await fixture.server.sessions({})
    assert.deepEqual(
      living.map((info) => [info.sessionId, info.jobId, info.kind]),
      [[sessionId, spec.jobId, 'backup']],
    )
    await grant(fixture, request)
    await fixture.server.waitSession({ sessionId })
    assert.deepEqual(await fixture.server.sessions({}), [])
  })
  check('waiting can be given up without ending the session', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    const request = await fixture.nextRequest()
    const giveUp = new AbortController()
    const waiting = assert.rejects(
      fixture.server.waitSession(session, { signal: giveUp.signal }),
      isAbortError,
    )
    giveUp.abort()
    await waiting
    await grant(fixture, request)
    assert.equal((await fixture.server.waitSession(session)).status, 0)
  })
}

function media(check: Check): void {
  check('a session asks for its medium and says for whom', async (fixture) => {
    const spec = await fixture.backup('works')
    const { sessionId } = await fixture.server.startBackup(spec)
    const request = await fixture.nextRequest()
    assert.deepEqual([request.sessionId, request.jobId, request.need], [sessionId, spec.jobId, spec.need])
    await grant(fixture, request)
    await grant(fixture, request)
    assert.equal((await fixture.server.waitSession({ sessionId })).status, 0)
  })
  check('a medium that is denied ends the session with the status given', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    const request = await fixture.nextRequest()
    const answer = { granted: false, status: 2001, text: 'no drive is free' } as const
    await fixture.server.grantMedia({ ...session, requestId: request.requestId, answer })
    const report = await fixture.server.waitSession(session)
    assert.equal(report.status, 2001)
    assert.equal(report.error?.status, 2001)
    assert.equal(report.written, undefined)
    await nothingIsLeft(fixture, report)
  })
  check('a grant for a session that is not there is refused', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    const request = await fixture.nextRequest()
    const input = { sessionId: 'never-was', requestId: request.requestId, answer: fixture.grantOf(request) }
    await rejects(fixture.server.grantMedia(input), 'session-unknown')
    await grant(fixture, request)
    await fixture.server.waitSession(session)
    await rejects(fixture.server.grantMedia({ ...input, ...session }), 'session-unknown')
  })
}

function ending(check: Check): void {
  check('a client that fails ends the session with its own error', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('fails'))
    // It may fail before the medium is asked for, or after.
    void answerNext(fixture).catch(() => undefined)
    const report = await fixture.server.waitSession(session)
    assert.equal(report.status, 2, report.statusText)
    assert.equal(report.error?.code, 'source-unreadable')
    await nothingIsLeft(fixture, report)
  })
  for (const moment of ['while it waits for its medium', 'while the client is at work'] as const) {
    check(`a session is ended early ${moment}, once`, async (fixture) => {
      const session = await fixture.server.startBackup(await fixture.backup('waits'))
      const request = await fixture.nextRequest()
      if (moment === 'while the client is at work') await grant(fixture, request)
      const end = { ...session, status: 150, reason: 'cancelled' }
      await Promise.all([fixture.server.endSession(end), fixture.server.endSession(end)])
      assert.deepEqual(await fixture.server.sessions({}), [])
      const report = await fixture.server.waitSession(session)
      assert.equal(report.status, 150)
      await fixture.server.endSession({ ...end, status: 63 })
      assert.deepEqual(await fixture.server.waitSession(session), report)
      await nothingIsLeft(fixture, report)
    })
  }
  check('a session that never was has no report', async ({ server }) => {
    await rejects(server.waitSession({ sessionId: 'never-was' }), 'session-unknown')
  })
}

function removing(check: Check): void {
  check('what an archive has saved is removed from the client, without any media', async (fixture) => {
    const { server } = fixture
    const spec = await removalOf(fixture, 'works')
    const session = await server.startRemoval(spec)
    const report = await server.waitSession(session)
    assert.deepEqual(
      [report.kind, report.jobId, report.status, report.removed],
      ['removal', spec.jobId, 0, { removed: 5, kept: 0 }],
    )
    assert.deepEqual(fixture.reports(), [report])
    assert.deepEqual(await server.startRemoval(spec), session, 'asked again, it is the same removal')
    assert.deepEqual(await server.sessions({}), [])
  })
  check('a removal that keeps something ends with 3, one that fails with 4', async (fixture) => {
    const { server } = fixture
    const keeping = await server.waitSession(await server.startRemoval(await removalOf(fixture, 'keeps')))
    assert.deepEqual([keeping.status, keeping.removed], [3, { removed: 5, kept: 2 }])
    const failing = await server.waitSession(await server.startRemoval(await removalOf(fixture, 'fails')))
    assert.deepEqual(
      [failing.status, failing.error?.code, failing.error?.status],
      [4, 'source-unreadable', 4],
    )
    const spec = await removalOf(fixture, 'works')
    const unknown = await server.waitSession(await server.startRemoval({ ...spec, backupId: 'web1_1' }))
    assert.deepEqual([unknown.status, unknown.error?.code], [4, 'image-unknown'])
  })
  check('a removal is ended early, with the status it is ended with', async (fixture) => {
    const { server } = fixture
    const spec = await removalOf(fixture, 'waits')
    const session = await server.startRemoval(spec)
    assert.deepEqual(
      (await server.sessions({})).map(({ kind, jobId }) => [kind, jobId]),
      [['removal', spec.jobId]],
    )
    await server.endSession({ ...session, status: 150, reason: 'cancelled' })
    const report = await server.waitSession(session)
    assert.deepEqual([report.status, report.error?.code], [150, 'job-cancelled'])
    assert.deepEqual(await server.sessions({}), [])
  })
}

async function removalOf(
  { removal }: MediaServerFixture,
  conduct: ClientConduct | 'keeps',
): Promise<Parameters<MediaServer['startRemoval']>[0]> {
  assert.ok(removal !== undefined, 'a server that runs removals needs archives to remove')
  return removal(conduct)
}

function checkpointing(check: Check): void {
  check('a backup tells its checkpoints, and ends as one without', async (fixture) => {
    const { report } = await backedUp(fixture, { checkpointIntervalMs: 0 })
    assert.equal(report.status, 0, report.statusText)
    const checkpoints = checkpointsOf(fixture)
    assert.deepEqual(
      checkpoints.map(({ number }) => number),
      [1, 2],
    )
    for (const { copies, streamBytes, fileList, counts } of checkpoints) {
      const [copy] = copies
      assert.equal(
        copy?.fragments.reduce((sum, fragment) => sum + fragment.streamBytes, 0),
        streamBytes,
        'its fragments end where its stream does',
      )
      assert.ok(copy?.fragments.every(({ wholeMembers }) => wholeMembers))
      assert.deepEqual([counts.streamBytes, counts.entries], [streamBytes, fileList.entries])
      assert.deepEqual(
        report.written?.copies[0]?.fragments.slice(0, copy?.fragments.length),
        copy?.fragments,
        'they stay as they were',
      )
    }
  })
  check('a backup without checkpoints takes none', async (fixture) => {
    await backedUp(fixture)
    assert.deepEqual(checkpointsOf(fixture), [])
  })
  for (const [status, code] of [
    [157, 'job-suspended'],
    [63, 'session-killed'],
  ] as const) {
    check(
      `ended with ${status}, all before the last checkpoint stays; a new session goes on`,
      async (fixture) => {
        const { server } = fixture
        const spec = await fixture.backup('waits')
        const withCheckpoints = { ...spec, checkpointIntervalMs: 0 }
        const session = await server.startBackup(withCheckpoints)
        await answerNext(fixture)
        const last = await checkpointTaken(fixture, 2)
        await server.endSession({ ...session, status, reason: 'a test' })
        const report = await server.waitSession(session)
        assert.deepEqual([report.status, report.error?.code], [status, code])
        assert.equal(report.written, undefined)
        const kept = last.copies[0]?.fragments.length
        assert.deepEqual(
          (await storedOn(fixture)).map(({ backupId, fragments }) => [backupId, fragments]),
          [[spec.image.backupId, kept]],
        )
        const resumed = { ...withCheckpoints, resumeFrom: last }
        const second = await server.startBackup(resumed)
        assert.notEqual(second.sessionId, session.sessionId)
        assert.deepEqual(await server.startBackup(resumed), second, 'the same request is the same session')
        await answerNext(fixture)
        await server.endSession({ ...second, status: 63, reason: 'it fails too' })
        assert.equal((await storedOn(fixture))[0]?.fragments, kept)
        const third = await server.startBackup(resumed)
        assert.notEqual(third.sessionId, second.sessionId, 'a failed one is no answer')
        await answerNext(fixture)
        await server.endSession({ ...third, status: 150, reason: 'enough' })
      },
    )
  }
  check('what goes on from a checkpoint is whole in the end', async (fixture) => {
    const { server } = fixture
    const spec = { ...(await fixture.backup('works')), checkpointIntervalMs: 0 }
    const session = await server.startBackup(spec)
    await answerNext(fixture)
    const whole = await server.waitSession(session)
    for (const resumeFrom of checkpointsOf(fixture).slice(0, 2)) {
      const again = await server.startBackup({ ...spec, resumeFrom })
      await answerNext(fixture)
      const report = await server.waitSession(again)
      assert.equal(report.status, 0, report.statusText)
      assert.deepEqual(report.written?.counts, whole.written?.counts)
      assert.deepEqual(report.written?.fileList, whole.written?.fileList)
      const fragments = report.written?.copies[0]?.fragments ?? []
      assert.deepEqual(
        fragments.map(({ number }) => number),
        fragments.map((_, index) => index + 1),
      )
      const restoring = await server.startRestore(await fixture.restore(report))
      await answerNext(fixture)
      const restored = await server.waitSession(restoring)
      assert.equal(restored.status, 0, restored.statusText)
      assert.ok((restored.restored?.bytes ?? 0) > 0)
    }
  })
  check('a checkpoint whose fragments are gone, or elsewhere, ends the session with 163', async (fixture) => {
    const { server, storageUnit } = fixture
    const spec = { ...(await fixture.backup('works')), checkpointIntervalMs: 0 }
    const session = await server.startBackup(spec)
    await answerNext(fixture)
    await server.waitSession(session)
    const resumeFrom = checkpointsOf(fixture)[1] as BackupCheckpoint
    const elsewhere = resumeFrom.copies.map((copy) => ({ ...copy, storageUnit: `${storageUnit}-other` }))
    const other = await server.startBackup({ ...spec, resumeFrom: { ...resumeFrom, copies: elsewhere } })
    await answerNext(fixture)
    assert.equal((await server.waitSession(other)).status, 163)
    await server.removeImage({ storageUnit, backupId: spec.image.backupId })
    const gone = await server.startBackup({ ...spec, resumeFrom })
    await answerNext(fixture)
    assert.equal((await server.waitSession(gone)).status, 163)
  })
}

function checkpointsOf({ checkpoints }: MediaServerFixture): readonly BackupCheckpoint[] {
  if (checkpoints === undefined) throw new TypeError('the fixture does not tell checkpoints')
  return checkpoints()
}

async function checkpointTaken(fixture: MediaServerFixture, number: number): Promise<BackupCheckpoint> {
  for (let turn = 0; turn < 1_000_000; turn++) {
    const found = checkpointsOf(fixture).find((checkpoint) => checkpoint.number === number)
    if (found !== undefined) return found
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return assert.fail(`checkpoint ${number} was not taken`)
}

function verifying(check: Check): void {
  const verified = async (
    { server, fileList }: MediaServerFixture,
    { report, spec }: { readonly report: SessionReport; readonly spec: BackupSessionSpec },
    allocation: Allocation,
    signal?: AbortSignal,
  ): Promise<VerifyEvent[]> => {
    const [copy] = report.written?.copies ?? []
    if (copy === undefined || fileList === undefined) throw new TypeError('there is no copy or no list')
    const { jobId, image } = spec
    const input = { jobId, allocation, backupId: image.backupId, copy, list: await fileList(report) }
    const events: VerifyEvent[] = []
    for await (const event of server.verifyCopy(input, signal === undefined ? {} : { signal }))
      events.push(event)
    return events
  }
  const readGrant = (fixture: MediaServerFixture, { jobId }: BackupSessionSpec): Allocation => {
    const need = { kind: 'read', storageUnit: fixture.storageUnit } as const
    const request = { requestId: 'v', sessionId: 'v', jobId, mediaServer: 'any', need }
    const answer = fixture.grantOf(request)
    return answer.granted ? answer.allocation : assert.fail(answer.text)
  }
  check('a copy that is whole is verified, all of it', async (fixture) => {
    const made = await backedUp(fixture)
    const events = await verified(fixture, made, readGrant(fixture, made.spec))
    const { streamBytes, storedEntries } = made.report.written?.counts ?? {}
    assert.deepEqual(
      events.filter(({ kind }) => kind !== 'progress'),
      [
        {
          kind: 'verified',
          fragments: made.report.written?.copies[0]?.fragments.length,
          bytes: streamBytes,
          members: storedEntries,
        },
      ],
    )
  })
  check('a fragment that is gone is told, and the verification goes on to its end', async (fixture) => {
    const made = await backedUp(fixture)
    const { storageUnit, server } = fixture
    await server.removeImage({ storageUnit, backupId: made.spec.image.backupId })
    const events = await verified(fixture, made, readGrant(fixture, made.spec))
    assert.ok(events.some((event) => event.kind === 'damage' && event.code === 'fragment-missing'))
    assert.equal(events.at(-1)?.kind, 'verified')
  })
  check(
    'what the fragments tell is what was written: the record, the row, and the file list',
    async (fixture) => {
      const { report, spec } = await backedUp(fixture)
      const { jobId, image } = spec
      const { server, receiveList } = fixture
      if (receiveList === undefined) throw new TypeError('the fixture receives no lists')
      const access = { jobId, allocation: readGrant(fixture, spec), backupId: image.backupId }
      const told = await server.describeCopy({ ...access, copy: 1 })
      assert.deepEqual(told.copy, report.written?.copies[0])
      const { counts } = report.written ?? {}
      assert.deepEqual(
        { ...(told.image as object), copies: [] },
        JSON.parse(JSON.stringify({ ...image, counts, copies: [] })),
      )
      const { ticket, received } = await receiveList()
      const totals = await server.sendFileList({ ...access, copy: told.copy, list: ticket })
      assert.deepEqual(totals, report.written?.fileList)
      assert.equal((await received).length, totals.bytes)
      await rejects(server.describeCopy({ ...access, copy: 2 }), 'fragment-missing')
      await rejects(server.describeCopy({ ...access, backupId: 'none_1', copy: 1 }), 'fragment-missing')
    },
  )
  const secondCopy = async (
    fixture: MediaServerFixture,
    { report, spec }: { readonly report: SessionReport; readonly spec: BackupSessionSpec },
    source: ImageCopy,
  ): Promise<ImageCopy | undefined> => {
    const { server, fileList, storageUnit } = fixture
    const { written } = report
    if (fileList === undefined || written === undefined) throw new TypeError('there is no list')
    const { jobId } = spec
    const image = { ...spec.image, state: 'complete' as const, ...written, status: 0 }
    const { fileList: _, ...record } = image
    const need = {
      kind: 'write',
      storage: { kind: 'unit', name: storageUnit },
      volumePool: 'p',
      retentionLevel: 1,
    } as const
    const answer = fixture.grantOf({ requestId: 'w', sessionId: 'w', jobId, mediaServer: 'any', need })
    if (!answer.granted) assert.fail(answer.text)
    const list = await fileList(report)
    const events = server.writeCopy({ jobId, allocation: answer.allocation, image: record, copy: 2, list })
    let sent: Promise<unknown> | undefined
    try {
      for await (const event of events) {
        if (event.kind === 'written') return event.copy
        if (event.kind !== 'ready') continue
        const access = { jobId, allocation: readGrant(fixture, spec), backupId: spec.image.backupId }
        sent = server.sendCopy({ ...access, copy: source, data: event.data })
        sent.catch(() => undefined)
      }
    } finally {
      await sent
    }
    return undefined
  }
  check('a second copy is the same stream, and describes itself', async (fixture) => {
    const made = await backedUp(fixture)
    const [first] = made.report.written?.copies ?? []
    if (first === undefined) assert.fail('there is no copy')
    const second = await secondCopy(fixture, made, first)
    const lengths = (copy: ImageCopy | undefined): number | undefined =>
      copy?.fragments.reduce((sum, { streamBytes }) => sum + streamBytes, 0)
    assert.equal(lengths(second), lengths(first))
    const access = {
      jobId: made.spec.jobId,
      allocation: readGrant(fixture, made.spec),
      backupId: made.spec.image.backupId,
    }
    assert.deepEqual((await fixture.server.describeCopy({ ...access, copy: 2 })).copy, second)
    const { written } = made.report
    const report = { ...made.report, written: { ...written, copies: [second] } } as SessionReport
    const events = await verified(fixture, { ...made, report }, access.allocation)
    assert.deepEqual(
      events.filter(({ kind }) => kind === 'damage'),
      [],
    )
  })
  check('a second copy that can not be read to its end leaves nothing', async (fixture) => {
    const made = await backedUp(fixture)
    const [first] = made.report.written?.copies ?? []
    if (first === undefined) assert.fail('there is no copy')
    const [fragment] = first.fragments
    if (fragment === undefined) assert.fail('there is no fragment')
    const gone = { ...first, fragments: [...first.fragments, { ...fragment, number: 99 }] }
    await assert.rejects(secondCopy(fixture, made, gone))
    assert.deepEqual(
      (await storedOn(fixture)).map(({ copy }) => copy),
      [1],
    )
  })
  check('a verification that is not wanted any more ends', async (fixture) => {
    const made = await backedUp(fixture)
    const grant = readGrant(fixture, made.spec)
    const error = await verified(fixture, made, grant, AbortSignal.abort()).then(
      () => assert.fail('it went on'),
      (reason: unknown) => reason,
    )
    assert.ok(isAbortError(error) || (error as NbError).code === 'request-cancelled', String(error))
  })
}

function images(check: Check): void {
  check('an image is removed once, and its absence is no error', async (fixture) => {
    const { spec } = await backedUp(fixture)
    const { storageUnit } = fixture
    const image = { storageUnit, backupId: spec.image.backupId }
    await fixture.server.removeImage({ ...image, copy: 9 })
    assert.equal((await storedOn(fixture)).length, 1)
    await fixture.server.removeImage(image)
    await fixture.server.removeImage(image)
    assert.deepEqual(await storedOn(fixture), [])
  })
  check('a storage unit that is not there is unknown', async ({ server }) => {
    await rejects(server.removeImage({ storageUnit: 'never-was', backupId: 'a_1' }), 'storage-unit-unknown')
    const stored = server.storedImages({ storageUnit: 'never-was' })[Symbol.asyncIterator]()
    await rejects(stored.next(), 'storage-unit-unknown')
  })
}

async function backedUp(
  fixture: MediaServerFixture,
  change: Pick<BackupSessionSpec, 'checkpointIntervalMs'> = {},
): Promise<{ readonly spec: BackupSessionSpec; readonly report: SessionReport }> {
  const spec = { ...(await fixture.backup('works')), ...change }
  const session = await fixture.server.startBackup(spec)
  await answerNext(fixture)
  return { spec, report: await fixture.server.waitSession(session) }
}

async function answerNext(fixture: MediaServerFixture): Promise<MediaRequest> {
  const request = await fixture.nextRequest()
  await grant(fixture, request)
  return request
}

function grant(fixture: MediaServerFixture, request: MediaRequest): Promise<void> {
  const { sessionId, requestId } = request
  return fixture.server.grantMedia({ sessionId, requestId, answer: fixture.grantOf(request) })
}

async function nothingIsLeft(fixture: MediaServerFixture, report: SessionReport): Promise<void> {
  assert.deepEqual(await storedOn(fixture), [], 'no fragment is left')
  assert.deepEqual(await fixture.server.sessions({}), [], 'no session is left')
  assert.deepEqual(fixture.reports(), [report], 'there was one report')
}

async function storedOn({ server, storageUnit }: MediaServerFixture): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  for await (const image of server.storedImages({ storageUnit })) found.push(image)
  return found
}

async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(
    promise,
    (error) => error instanceof NbError && error.code === code,
    `not rejected with ${code}`,
  )
}

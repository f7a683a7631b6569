import assert from 'node:assert/strict'
import {
  type Allocation,
  type BackupSessionSpec,
  type ImageCopy,
  isAbortError,
  type NbError,
  type SessionReport,
  type VerifyEvent,
} from '@nb/contracts'
import { collect } from '../collect.ts'
import type { Check, MediaServerFixture } from './media-server-fixture.ts'
import { backedUp, rejects, storedOn } from './media-server-sessions.ts'

/** The obligations of `verifyCopy`. */
export function verifying(check: Check): void {
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
  check(
    'a medium that nothing waits for is refused, and a disk has no volumes to look at',
    async (fixture) => {
      const made = await backedUp(fixture)
      const allocation = readGrant(fixture, made.spec)
      const { server } = fixture
      await rejects(server.continueCopy({ requestId: 'nobody', allocation }), 'not-found')
      const contents = server.volumeContents({ jobId: made.spec.jobId, allocation })
      await rejects(collect(contents), 'not-supported')
    },
  )
  check('fragments that are named are described by themselves', async (fixture) => {
    const made = await backedUp(fixture)
    const allocation = readGrant(fixture, made.spec)
    const [copy] = made.report.written?.copies ?? []
    const last = copy?.fragments.at(-1)
    if (copy === undefined || last === undefined) assert.fail('there is no fragment')
    const { jobId, image } = made.spec
    const input = { jobId, allocation, backupId: image.backupId, copy: copy.copy }
    const told = await fixture.server.describeCopy({ ...input, fragments: [last] })
    assert.deepEqual(told.copy.fragments, [last])
    const whole = await fixture.server.describeCopy(input)
    assert.deepEqual(told.image, whole.image)
    const none = { ...last, number: 999 }
    await rejects(fixture.server.describeCopy({ ...input, fragments: [none] }), 'fragment-missing')
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

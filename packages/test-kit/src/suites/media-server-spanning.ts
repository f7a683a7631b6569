import assert from 'node:assert/strict'
import type { Allocation, FragmentRecord, MediaRequest, SessionReport } from '@nb/contracts'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import type { Check, MediaServerFixture } from './media-server-fixture.ts'
import { grant } from './media-server-sessions.ts'

/**
 * The obligations of `MediaServer` where the media of its storage unit come to their end. Each request to write is granted the next volume, each to
 * read the one that it names; the fixture gives file lists.
 *
 * @param media - how many of them an image takes, at least 2
 */
export function mediaServerSpanningSuite(
  context: SuiteContext,
  setup: SuiteSetup<MediaServerFixture>,
  { media }: { readonly media: number },
): void {
  const check: Check = (name, body) => void withFixture(context, setup, name, body)
  check(
    'at the end of a medium a backup asks for the next one in its place, and goes on',
    async (fixture) => {
      const { report, requests, given } = await spanned(fixture, media)
      const fragments = report.written?.copies[0]?.fragments ?? []
      assert.equal(volumesOf(fragments).length, requests.length)
      assert.deepEqual(volumesOf(fragments), given.map(volumeOf))
      let offset = 0
      for (const [index, { number, streamOffset, streamBytes }] of fragments.entries()) {
        assert.deepEqual([number, streamOffset], [index + 1, offset], 'fragments follow one another')
        offset += streamBytes
      }
      assert.equal(offset, report.written?.counts.streamBytes)
      for (const [index, { need, jobId }] of requests.entries()) {
        assert.equal(jobId, report.jobId)
        assert.ok(need.kind === 'write')
        assert.equal(need.replaces, given[index - 1]?.allocationId)
      }
    },
  )
  check('a restore asks for each medium that has something of it, one after the other', async (fixture) => {
    const { report } = await spanned(fixture, media)
    const session = await fixture.server.startRestore(await fixture.restore(report))
    const { ended, requests, given } = await answered(fixture, session, media)
    assert.equal(ended.status, 0, ended.statusText)
    assert.ok((ended.restored?.bytes ?? 0) > 0)
    assert.deepEqual(
      requests.map(({ need }) => (need.kind === 'read' ? need.volumeId : 'a write')),
      volumesOf(report.written?.copies[0]?.fragments ?? []),
    )
    for (const [index, { need }] of requests.entries())
      assert.equal(need.replaces, given[index - 1]?.allocationId)
  })
  check('a verification asks for each next medium, and reads all of them', async (fixture) => {
    const { report, backupId } = await spanned(fixture, media)
    const { server, fileList } = fixture
    const [copy] = report.written?.copies ?? []
    if (copy === undefined || fileList === undefined) throw new TypeError('there is no copy or no list')
    const [first, ...others] = volumesOf(copy.fragments)
    const { jobId } = report
    const input = { jobId, allocation: toRead(fixture, report, first), backupId, copy }
    const asked: string[] = []
    for await (const event of server.verifyCopy({ ...input, list: await fileList(report) })) {
      assert.notEqual(event.kind, 'damage', JSON.stringify(event))
      if (event.kind === 'next-volume') {
        asked.push(event.volumeId)
        const allocation = toRead(fixture, report, event.volumeId)
        await server.continueCopy({ requestId: event.requestId, allocation })
      } else if (event.kind === 'verified') assert.equal(event.bytes, report.written?.counts.streamBytes)
    }
    assert.deepEqual(asked, others)
  })
  check('a next medium that is denied ends the backup with the status given', async (fixture) => {
    const session = await fixture.server.startBackup(await fixture.backup('works'))
    await grant(fixture, await fixture.nextRequest())
    const { requestId } = await fixture.nextRequest()
    const answer = { granted: false, status: 96, text: 'there is no other volume' } as const
    await fixture.server.grantMedia({ ...session, requestId, answer })
    const report = await fixture.server.waitSession(session)
    assert.equal(report.status, 96)
    assert.equal(report.written, undefined)
    assert.deepEqual(await fixture.server.sessions({}), [])
  })
}

interface Answered {
  readonly ended: SessionReport
  readonly requests: readonly MediaRequest[]
  /** What each of them was granted. */
  readonly given: readonly Allocation[]
}

/** A backup that went on over several media. */
async function spanned(
  fixture: MediaServerFixture,
  media: number,
): Promise<Omit<Answered, 'ended'> & { readonly report: SessionReport; readonly backupId: string }> {
  const spec = await fixture.backup('works')
  const session = await fixture.server.startBackup(spec)
  const { ended: report, requests, given } = await answered(fixture, session, media)
  assert.equal(report.status, 0, report.statusText)
  return { report, requests, given, backupId: spec.image.backupId }
}

/** Grants so many media to a session, which has to end then. */
async function answered(
  fixture: MediaServerFixture,
  session: { readonly sessionId: string },
  count: number,
): Promise<Answered> {
  const requests: MediaRequest[] = []
  const given: Allocation[] = []
  for (let asked = 0; asked < count; asked++) {
    const next = await fixture.nextRequest()
    const answer = fixture.grantOf(next)
    if (!answer.granted) assert.fail(answer.text)
    requests.push(next)
    given.push(answer.allocation)
    const { sessionId, requestId } = next
    await fixture.server.grantMedia({ sessionId, requestId, answer })
  }
  return { ended: await fixture.server.waitSession(session), requests, given }
}

function toRead(
  fixture: MediaServerFixture,
  { jobId }: SessionReport,
  volumeId: string | undefined,
): Allocation {
  const { storageUnit } = fixture
  const need = { kind: 'read', storageUnit, ...(volumeId === undefined ? {} : { volumeId }) } as const
  const answer = fixture.grantOf({ requestId: 'v', sessionId: 'v', jobId, mediaServer: 'any', need })
  return answer.granted ? answer.allocation : assert.fail(answer.text)
}

const volumeOf = ({ medium }: Allocation): string => (medium.kind === 'tape' ? medium.volumeId : '')

function volumesOf(fragments: readonly FragmentRecord[]): readonly string[] {
  return [...new Set(fragments.map(({ volumeId }) => volumeId ?? ''))]
}

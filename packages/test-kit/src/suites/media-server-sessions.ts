import assert from 'node:assert/strict'
import {
  type BackupSessionSpec,
  type ErrorCode,
  type MediaRequest,
  NbError,
  type SessionReport,
  type StoredImage,
} from '@nb/contracts'
import type { MediaServerFixture } from './media-server-fixture.ts'

/** A backup that has ended. */
export async function backedUp(
  fixture: MediaServerFixture,
  change: Pick<BackupSessionSpec, 'checkpointIntervalMs'> = {},
): Promise<{ readonly spec: BackupSessionSpec; readonly report: SessionReport }> {
  const spec = { ...(await fixture.backup('works')), ...change }
  const session = await fixture.server.startBackup(spec)
  await answerNext(fixture)
  return { spec, report: await fixture.server.waitSession(session) }
}

/** Grants the next request for media. */
export async function answerNext(fixture: MediaServerFixture): Promise<MediaRequest> {
  const request = await fixture.nextRequest()
  await grant(fixture, request)
  return request
}

/** Grants a request for media. */
export function grant(fixture: MediaServerFixture, request: MediaRequest): Promise<void> {
  const { sessionId, requestId } = request
  return fixture.server.grantMedia({ sessionId, requestId, answer: fixture.grantOf(request) })
}

/** Neither fragments nor sessions are left, and there was one report. */
export async function nothingIsLeft(fixture: MediaServerFixture, report: SessionReport): Promise<void> {
  assert.deepEqual(await storedOn(fixture), [], 'no fragment is left')
  assert.deepEqual(await fixture.server.sessions({}), [], 'no session is left')
  assert.deepEqual(fixture.reports(), [report], 'there was one report')
}

/** The images on the fixture's storage unit. */
export async function storedOn({ server, storageUnit }: MediaServerFixture): Promise<StoredImage[]> {
  const found: StoredImage[] = []
  for await (const image of server.storedImages({ storageUnit })) found.push(image)
  return found
}

/** A call must be refused with this code. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(
    promise,
    (error) => error instanceof NbError && error.code === code,
    `not rejected with ${code}`,
  )
}

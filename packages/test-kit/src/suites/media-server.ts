import assert from 'node:assert/strict'
import { type SuiteContext, type SuiteSetup, withFixture } from '../suite-context.ts'
import { checkpointing } from './media-server-checkpoints.ts'
import type { Check, MediaServerFixture, MediaServerSupports } from './media-server-fixture.ts'
import { removing } from './media-server-removal.ts'
import { backedUp, rejects, storedOn } from './media-server-sessions.ts'
import { verifying } from './media-server-verify.ts'
import { ending, media, working } from './media-server-work.ts'

export type { ClientConduct, MediaServerFixture, MediaServerSupports } from './media-server-fixture.ts'

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

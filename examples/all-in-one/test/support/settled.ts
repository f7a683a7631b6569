import assert from 'node:assert/strict'
import type { MediaServer } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { collect } from '@nb/test-kit'

/**
 * Asserts of a server, and the media server with `disk1`, that all is over and nothing is held for nobody: reported images are there, no half one is visible, disk
 * and catalog agree; no lease, allocation, session or job stays. Gives the images that are there.
 */
export async function assertSettled(
  ports: Pick<Ports, 'jobs' | 'catalog' | 'broker' | 'media'>,
  mediaServer: MediaServer,
  reported: Iterable<string>,
): Promise<readonly string[]> {
  const complete = (await collect(ports.catalog.listImages({}))).map((image) => image.backupId)
  for (const backupId of reported)
    assert.ok(complete.includes(backupId), `reported image ${backupId} is lost`)
  const unfinished = await collect(ports.catalog.listImages({ states: ['in-progress', 'discarded'] }))
  assert.deepEqual(unfinished, [], 'half images stay')
  const stored = await collect(mediaServer.storedImages({ storageUnit: 'disk1' }))
  assert.deepEqual(
    stored.map((image) => image.backupId).sort(),
    [...complete].sort(),
    'disk and catalog differ',
  )
  assert.deepEqual(await collect(ports.broker.grants({})), [], 'leases stay')
  assert.deepEqual(await collect(ports.media.allocations({})), [], 'allocations stay')
  assert.deepEqual(await mediaServer.sessions({}), [], 'sessions stay')
  const alive = (await collect(ports.jobs.list({}))).filter((job) => job.state !== 'done')
  assert.deepEqual(alive, [], 'jobs stay')
  return complete
}

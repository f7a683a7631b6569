import { NbError, type RestoreSessionSpec, type SessionReport } from '@nb/contracts'
import type { NetworkLink } from './flow-network.ts'
import type { Session } from './session.ts'
import { type SessionWork, askForMedia, move } from './session-work.ts'

/** A restore at the media server. Its plans are not read: everything that its images hold is read and sent. */
export async function runRestore(
  work: SessionWork,
  session: Session,
  spec: RestoreSessionSpec,
): Promise<Partial<SessionReport>> {
  const allocation = await askForMedia(work, session, spec.need, '1')
  const { medium, storageUnit } = allocation
  const wanted = spec.images.map(({ backupId }) => backupId)
  const held = (backupId: string) =>
    work.shelf
      .partsOf(storageUnit, backupId)
      .filter(({ volumeId }) => medium.kind === 'disk' || volumeId === medium.volumeId)
  const missing = wanted.find((backupId) => held(backupId).length === 0)
  if (missing !== undefined)
    throw new NbError('fragment-missing', `storage unit ${storageUnit} holds nothing of image ${missing}`)
  const bytes = wanted.flatMap(held).reduce((sum, part) => sum + part.bytes, 0)
  const run = (link: NetworkLink): Promise<void> => move(work, session, spec.client, link, bytes)
  if (medium.kind === 'disk') await run(work.hardware.diskLink(storageUnit))
  else {
    const user = { jobId: session.info.jobId, fail: (reason: NbError) => session.fail(reason) }
    const using = work.hardware.use(medium, user)
    try {
      await session.unlessEnded(using.ready)
      await run(work.hardware.driveLink(medium.drive))
    } finally {
      using.leave()
    }
  }
  const entries = wanted.reduce((sum, backupId) => sum + work.shelf.filesOf(backupId), 0)
  return { status: 0, restored: { entries, bytes, skipped: 0 } }
}

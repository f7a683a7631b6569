import {
  type Allocation,
  type BackupSessionSpec,
  type FragmentRecord,
  NbError,
  type SessionReport,
} from '@nb/contracts'
import { type BackupPlan, connectTimeoutMs, notReached, notRead } from './clients.ts'
import { type SessionWork, askForMedia, move } from './session-work.ts'
import type { Session } from './session.ts'
import type { StoredPart } from './shelf.ts'

const mebibyte = 2 ** 20

/**
 * A backup at the media server: connect to the client, ask for the medium, mount it, let the client walk, move the data,
 * report. What it wrote in vain is taken off the medium again.
 */
export async function runBackup(
  work: SessionWork,
  session: Session,
  spec: BackupSessionSpec,
): Promise<Partial<SessionReport>> {
  const { image, copies = [] } = spec
  if (copies.length > 1)
    throw new NbError('not-supported', `a simulated backup writes one copy, not ${copies.length}`)
  const plan = work.clients.plan(image, await referenceOf(work, image.referenceId))
  if (plan.unreachable) {
    await session.unlessEnded(work.clock.sleep(connectTimeoutMs))
    throw notReached(image.client)
  }
  const unwatch = work.clients.watch(image.client, (reason) => session.fail(reason))
  try {
    const allocation = await askForMedia(work, session, session.need, '1')
    const parts =
      allocation.medium.kind === 'disk'
        ? await writeDisk(work, session, spec, plan, allocation.storageUnit)
        : await writeTape(work, session, spec, plan, allocation)
    work.shelf.put(allocation.storageUnit, image.backupId, parts, plan.files)
    return { status: 0, written: written(work, allocation, parts, plan) }
  } finally {
    unwatch()
  }
}

async function referenceOf({ catalog }: SessionWork, backupId: string | undefined) {
  return backupId === undefined ? undefined : catalog.getImage({ backupId })
}

async function writeDisk(
  work: SessionWork,
  session: Session,
  { image }: BackupSessionSpec,
  plan: BackupPlan,
  unit: string,
): Promise<readonly StoredPart[]> {
  const { hardware, room } = work
  if (plan.walkMs > 0) await session.unlessEnded(work.clock.sleep(plan.walkMs))
  try {
    hardware.takeDisk(unit, plan.bytes)
  } catch (error) {
    await room.tell(unit, { full: true })
    throw error
  }
  let isWritten = false
  try {
    const breaksAfter = breakOf(plan)
    await move(work, session, image.client, hardware.diskLink(unit), Math.min(plan.bytes, breaksAfter))
    if (breaksAfter < plan.bytes) {
      if (plan.breaks?.at === 'client') throw notRead(image.client)
      throw new NbError('media-write-failed', `storage unit ${unit}: a block could not be written`)
    }
    isWritten = true
    return [{ bytes: plan.bytes }]
  } finally {
    hardware.settleDisk(unit, plan.bytes, isWritten)
    // Before the job manager hears of the end and gives its place to another.
    await room.tell(unit)
  }
}

/** After how many bytes it breaks off. */
function breakOf({ bytes, breaks }: BackupPlan): number {
  return breaks === undefined ? Infinity : Math.min(bytes - 1, Math.floor(bytes * breaks.after))
}

async function writeTape(
  work: SessionWork,
  session: Session,
  spec: BackupSessionSpec,
  plan: BackupPlan,
  { medium }: Allocation,
): Promise<readonly StoredPart[]> {
  if (medium.kind !== 'tape') throw new NbError('storage-unit-mismatch', 'a tape is written on a tape only')
  const { hardware, media } = work
  const { backupId, client, retentionLevel } = spec.image
  const { jobId } = session.info
  const { drive } = medium
  const user = { jobId, fail: (reason: NbError) => session.fail(reason) }
  const parts: { volumeId: string; bytes: number }[] = []
  let volumeId = medium.volumeId
  const using = hardware.use(medium, user)
  try {
    await session.unlessEnded(using.ready)
    if (plan.walkMs > 0) await session.unlessEnded(work.clock.sleep(plan.walkMs))
    let left = plan.bytes
    let untilError = breakOf(plan)
    for (;;) {
      const bytes = hardware.takeTape(volumeId, backupId, left)
      if (bytes > 0) {
        parts.push({ volumeId, bytes })
        await move(work, session, client, hardware.driveLink(drive), Math.min(bytes, untilError))
        if (untilError < bytes) {
          if (plan.breaks?.at === 'client') throw notRead(client)
          await mediaError(work, session, drive, volumeId)
        }
        untilError -= bytes
        left -= bytes
        const multiplexed = medium.multiplex !== undefined
        await media.assignImage({
          volumeId,
          backupId,
          retentionLevel,
          ...(multiplexed ? { multiplexed } : {}),
        })
      }
      if (left === 0) return parts
      await media.setVolumeState({ volumeId, state: 'full', reason: 'its end was reached' })
      volumeId = await session.unlessEnded(hardware.nextVolume(medium, user))
    }
  } catch (error) {
    for (const part of parts) hardware.clearTape(part.volumeId, backupId, 'in-vain')
    if (parts.length > 0) await media.unassignImage({ backupId })
    throw error
  } finally {
    using.leave()
  }
}

async function mediaError(
  { media }: SessionWork,
  session: Session,
  drive: string,
  volumeId: string,
): Promise<never> {
  const { action, text } = await media.reportError({
    volumeId,
    drive,
    kind: 'write',
    jobId: session.info.jobId,
  })
  const verdict = action === 'none' ? '' : `: ${text}`
  throw new NbError(
    'media-write-failed',
    `volume ${volumeId} in drive ${drive} could not be written${verdict}`,
  )
}

function written(
  { mediaServer }: SessionWork,
  { storageUnit }: Allocation,
  parts: readonly StoredPart[],
  { bytes, files }: BackupPlan,
): NonNullable<SessionReport['written']> {
  const fragments: FragmentRecord[] = []
  let streamOffset = 0
  for (const part of parts) {
    const { volumeId } = part
    fragments.push({
      number: fragments.length + 1,
      streamOffset,
      streamBytes: part.bytes,
      wholeMembers: parts.length === 1,
      blockBytes: mebibyte / 4,
      ...(volumeId === undefined ? {} : { volumeId }),
    })
    streamOffset += part.bytes
  }
  const counts = { entries: files, storedEntries: files, bytes, streamBytes: bytes, warnings: 0 }
  const fileList = { bytes: 0, batches: 0, entries: files }
  return { counts, fileList, copies: [{ copy: 1, storageUnit, mediaServer, fragments }] }
}

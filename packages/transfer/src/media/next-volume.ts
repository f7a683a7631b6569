import {
  type MediaNeed,
  type MountedMedium,
  NbError,
  type SingleAllocation,
  asNbError,
  counted,
} from '@nb/contracts'
import type { FragmentRow } from './fragment-row.ts'
import type { Session } from './session.ts'
import { clockTime, mediumOf } from './wording.ts'

/** A copy that is written to tape. */
export interface CopyOnTape {
  readonly need: Extract<MediaNeed, { kind: 'write' }>
  allocation: SingleAllocation
  medium?: MountedMedium
  readonly row?: FragmentRow
}

/**
 * The volume of a copy is full: the job manager is asked for the next one, which comes into the drive that the copy has; then the old one is
 * let go of and the new one mounted. The copy has the new allocation and medium afterwards. Rejects with `media-end` (96) where there is no
 * other volume and none is waited for, and with what kept it from being mounted.
 */
export async function nextVolume(session: Session, copy: CopyOnTape): Promise<MountedMedium> {
  const { host } = session
  const note = (text: string): Promise<void> => session.note({ component: 'media-writer', text })
  const { allocation, row } = copy
  const fragments = counted(row?.fragments.length ?? 0, 'fragment')
  await note(
    `end of medium: ${mediumOf(allocation)} is complete with ${fragments} of the image so far, at byte ${row?.streamBytes ?? 0} of the stream; requesting the next medium`,
  )
  const next = await another(session, copy)
  await note(`granted the next medium: ${mediumOf(next)}`)
  copy.allocation = next
  await copy.medium?.unmount()
  const mountedAt = host.clock.now()
  await note(`mounting ${mediumOf(next)}`)
  const medium = await mountCopy(session, copy)
  await note(`mounted ${mediumOf(copy.allocation)}; mount time: ${clockTime(host.clock.now() - mountedAt)}`)
  return medium
}

/** So many volumes that can't be used, one after the other, are no accident. */
const mostVolumesTried = 5

/**
 * Mounts the medium of a copy. Where it is a volume that can't be used, and another one can, the job manager is asked for that: what is wrong with
 * the first has been told to the media manager. Rejects with what kept the last from being mounted.
 */
export async function mountCopy(session: Session, copy: CopyOnTape, flow?: 'backup'): Promise<MountedMedium> {
  const { host, signal, info } = session
  for (let tried = 1; ; tried++) {
    const { allocation } = copy
    const store = host.storeOf(allocation.storageUnit)
    try {
      const input = { allocation, jobId: info.jobId, ...(flow === undefined ? {} : { flow }) }
      return (copy.medium = await store.mount(input, { signal }))
    } catch (error) {
      const failure = asNbError(error)
      if (!isOfVolume(allocation, failure) || tried >= mostVolumesTried) throw failure
      await session.note({
        component: 'media-writer',
        severity: 'warning',
        text: `${mediumOf(allocation)} can't be used: ${failure.message} Requesting another medium`,
        data: { status: failure.status },
      })
      copy.allocation = await another(session, copy)
    }
  }
}

/** Whether the volume is to blame, and nobody writes to it until a person has looked. */
function isOfVolume({ medium }: SingleAllocation, { code, details }: NbError): boolean {
  if (medium.kind !== 'tape') return false
  return code === 'media-write-protected' || (code === 'media-open-failed' && details['frozen'] === true)
}

/** Another volume in place of the one that a copy has. */
async function another(session: Session, { need, allocation }: CopyOnTape): Promise<SingleAllocation> {
  const storage = { kind: 'unit', name: allocation.storageUnit } as const
  try {
    return await session.requestMedia({ ...need, storage, replaces: allocation.allocationId })
  } catch (error) {
    throw noNextVolume(error)
  }
}

/** 96, where the reason is that there is no volume. */
function noNextVolume(error: unknown): NbError {
  const failure = asNbError(error)
  if (failure.code !== 'request-impossible') return failure
  return new NbError('media-end', `The image can't go on: ${failure.message}`, { cause: failure })
}

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
  const { host, signal, info } = session
  const note = (text: string): Promise<void> => session.note({ component: 'media-writer', text })
  const { allocation, need, row } = copy
  const fragments = counted(row?.fragments.length ?? 0, 'fragment')
  await note(
    `end of medium: ${mediumOf(allocation)} is complete with ${fragments} of the image so far, at byte ${row?.streamBytes ?? 0} of the stream; requesting the next medium`,
  )
  const storage = { kind: 'unit', name: allocation.storageUnit } as const
  const next = await session
    .requestMedia({ ...need, storage, replaces: allocation.allocationId })
    .catch((error: unknown) => {
      throw noNextVolume(error)
    })
  await note(`granted the next medium: ${mediumOf(next)}`)
  copy.allocation = next
  await copy.medium?.unmount()
  const mountedAt = host.clock.now()
  await note(`mounting ${mediumOf(next)}`)
  const store = host.storeOf(next.storageUnit)
  const medium = (copy.medium = await store.mount({ allocation: next, jobId: info.jobId }, { signal }))
  await note(`mounted ${mediumOf(next)}; mount time: ${clockTime(host.clock.now() - mountedAt)}`)
  return medium
}

/** 96, where the reason is that there is no volume. */
function noNextVolume(error: unknown): NbError {
  const failure = asNbError(error)
  if (failure.code !== 'request-impossible') return failure
  return new NbError('media-end', `The image can't go on: ${failure.message}`, { cause: failure })
}

import {
  type Allocation,
  type BackupCheckpoint,
  type FragmentRecord,
  type ImageRecord,
  type MediaStore,
  type MountedMedium,
  NbError,
  asNbError,
} from '@nb/contracts'
import type { Session } from './session.ts'

/** The status of a backup that cannot go on from its checkpoint and has to begin anew. */
const NO_RESUME = 163

/** What is on the medium of the copy that goes on. */
export interface WrittenBefore {
  readonly fragments: readonly FragmentRecord[]
  readonly streamBytes: number
}

/** The same error with the status of a checkpoint that is of no use. */
export function noResume(error: NbError): NbError {
  return new NbError(error.code, `The backup cannot go on from its checkpoint: ${error.message}`, {
    status: NO_RESUME,
    details: error.details,
    retryable: false,
    cause: error,
  })
}

/** The fragments of a checkpoint's copy, checked against one another. Throws with status 163. */
export function resumable(
  { copies, streamBytes }: BackupCheckpoint,
  copy: number,
  storageUnit: string,
): WrittenBefore {
  const found = copies.find((each) => each.copy === copy)
  if (found?.storageUnit !== storageUnit)
    throw noResume(
      new NbError(
        'storage-unit-mismatch',
        `what was written lies on storage unit ${found?.storageUnit ?? '-'}, and ${storageUnit} was granted.`,
      ),
    )
  const { fragments } = found
  const end = fragments.reduce(
    (at, { number, streamOffset, streamBytes: bytes }, index) =>
      number === index + 1 && streamOffset === at ? at + bytes : Number.NaN,
    0,
  )
  if (end === streamBytes) return { fragments, streamBytes }
  throw noResume(
    new NbError('image-inconsistent', `its fragments do not hold the ${streamBytes} bytes of its stream.`),
  )
}

/**
 * Removes what an earlier session has written behind its last checkpoint. On disk it is looked whether all before it is
 * there; a tape tells when it is positioned. Throws with status 163 when a fragment is missing or damaged.
 */
export async function cutBack(
  { signal }: Session,
  parts: {
    readonly store: MediaStore
    readonly medium: MountedMedium
    readonly allocation: Allocation
    readonly image: ImageRecord
    readonly copy: number
    readonly before: WrittenBefore
  },
): Promise<void> {
  const { store, medium, allocation, image, copy, before } = parts
  const { backupId } = image
  await store.removeImage({ backupId, copy, after: before.fragments.length }, { signal })
  if (allocation.medium.kind !== 'disk') return
  for (const fragment of before.fragments) {
    try {
      const reader = await medium.openFragment({ backupId, copy, fragment }, { signal })
      await reader.close()
    } catch (error) {
      const failure = asNbError(error)
      const isLost = failure.code === 'fragment-missing' || failure.code === 'fragment-corrupt'
      throw isLost ? noResume(failure) : failure
    }
  }
}

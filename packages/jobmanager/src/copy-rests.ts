import type { ImageCopy } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import type { CopiesInWork } from './copies-in-work.ts'
import type { StoragePlace } from './give-back.ts'
import { jobOfUnfinishedCopy } from './images-on-volumes.ts'
import { attempt, within } from './patience.ts'
import { mediaServerOf } from './session-calls.ts'

/** Fragments of one copy on a storage unit. */
export interface FoundCopy extends StoragePlace {
  readonly backupId: string
  readonly copy: number
}

/** Tells a copy on a storage unit from every other one. */
export function keyOfCopy(
  backupId: string,
  { copy, storageUnit }: Pick<ImageCopy, 'copy' | 'storageUnit'>,
): string {
  return `${backupId} ${copy} ${storageUnit}`
}

/**
 * Removes what was left of a copy that a complete image does not have: by a duplicate that was killed, or a copy of a backup that was given
 * up and could not be removed. A copy that is whole stays: its catalog record may only be lost, and an import brings it back. Answers
 * whether all is gone, or something stays that the catalog does not know.
 */
export async function removeRest(
  { mediaServers, catalog, clock, log, callTimeoutMs }: ManagerParts,
  copies: CopiesInWork,
  found: FoundCopy,
): Promise<'gone' | 'stays' | 'known'> {
  const { backupId, copy, mediaServer, storageUnit } = found
  let outcome: 'gone' | 'stays' | 'known' = 'known'
  await attempt(log, `removal of the rest of copy ${copy} of ${backupId} from ${storageUnit}`, () =>
    copies.whileNone(backupId, async () => {
      // Only now nobody can be about to tell the catalog of it.
      const image = await catalog.getImage({ backupId })
      const isRest =
        image?.state === 'complete' &&
        !image.copies.some((each) => keyOfCopy(backupId, each) === keyOfCopy(backupId, found))
      if (!isRest) return
      outcome = 'stays'
      const server = mediaServerOf(mediaServers, mediaServer)
      const what = `removal of the rest of copy ${copy} of ${backupId} from ${storageUnit}`
      await within(clock, callTimeoutMs, 'media-server-unreachable', what, async (signal) => {
        await server.removeImage({ storageUnit, backupId, copy, unfinished: true }, { signal })
        for await (const stored of server.storedImages({ storageUnit }, { signal }))
          if (stored.backupId === backupId && stored.copy === copy) return
        outcome = 'gone'
      })
    }),
  )
  return outcome
}

/** Takes off the volumes what jobs have left there that ended before their copies were complete: nothing names it. Gives what it was. */
export async function forgetUnfinishedCopies({
  media,
  store,
  log,
}: ManagerParts): Promise<readonly string[]> {
  if (media === undefined) return []
  const left = new Set<string>()
  await attempt(log, 'a look at the images on volumes', async () => {
    for await (const { volumeId, assignedAt } of media.volumes({})) {
      if (assignedAt === undefined) continue
      for await (const name of media.volumeImages({ volumeId })) {
        const jobId = jobOfUnfinishedCopy(name)
        if (jobId !== undefined && store.current(jobId) === undefined) left.add(name)
      }
    }
  })
  const gone: string[] = []
  for (const name of left)
    if (
      await attempt(log, `removal of ${name} from its volumes`, () => media.unassignImage({ backupId: name }))
    )
      gone.push(name)
  return gone
}

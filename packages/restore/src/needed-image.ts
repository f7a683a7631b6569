import { createHash } from 'node:crypto'
import { type Files, NbError, replaceFile } from '@nb/contracts'
import type { RestoreGroup } from './restore-group.ts'

/** What a restore from tape needs: media, images, and where on them the wanted data is. Plain data. */
export interface NeededImagePlan {
  readonly version: 1
  readonly requestId: string
  readonly groups: readonly RestoreGroup[]
}

/**
 * Keeps the needed-image plans of restores from tape while they run. Obligations: a plan is there, durably, when `write` has resolved, and is
 * read as it was written; both `remove` and `clear` may come when there is none.
 */
export interface NeededImagePlans {
  /** Writes the plan of a request; a plan of the same request is replaced. */
  write(plan: NeededImagePlan): Promise<void>
  /** Rejects with `store-corrupt` where it can't be read, or is another request's. */
  read(requestId: string): Promise<NeededImagePlan>
  /** Removes the plan of a request. */
  remove(requestId: string): Promise<void>
  /** Removes what restores of a process that was killed have left. */
  clear(): Promise<void>
}

const prefix = 'needed-image-'

/** Keeps them as files in a directory of their own, a file for each restore. */
export function createNeededImageFiles({
  files,
  directory,
}: {
  readonly files: Files
  readonly directory: string
}): NeededImagePlans {
  // Ids of requests are texts of any kind.
  const pathOf = (requestId: string): string =>
    `${directory}/${prefix}${createHash('sha256').update(requestId).digest('hex').slice(0, 32)}.json`
  return {
    write: async (plan) => {
      await files.makeDirectory(directory)
      await replaceFile(files, pathOf(plan.requestId), Buffer.from(JSON.stringify(plan, undefined, 1)))
    },
    read: async (requestId) => {
      const path = pathOf(requestId)
      return checked((await files.readFile(path))?.toString(), requestId, path)
    },
    remove: (requestId) => files.remove(pathOf(requestId)),
    clear: async () => {
      for (const name of await files.list(directory))
        if (name.startsWith(prefix)) await files.remove(`${directory}/${name}`)
    },
  }
}

/** Keeps them in memory: for whoever restores in one process without a directory. */
export function neededImagesInMemory(): NeededImagePlans {
  const plans = new Map<string, string>()
  return {
    write: async (plan) => void plans.set(plan.requestId, JSON.stringify(plan)),
    read: async (requestId) => checked(plans.get(requestId), requestId, 'memory'),
    remove: async (requestId) => void plans.delete(requestId),
    clear: async () => plans.clear(),
  }
}

function checked(text: string | undefined, requestId: string, where: string): NeededImagePlan {
  const damaged = (cause?: unknown): NbError =>
    new NbError(
      'store-corrupt',
      `the needed-image plan of request ${requestId} can't be read from ${where}`,
      {
        cause,
        details: { requestId },
      },
    )
  if (text === undefined) throw damaged()
  try {
    const plan = JSON.parse(text) as NeededImagePlan
    if (plan.version === 1 && plan.requestId === requestId && Array.isArray(plan.groups)) return plan
  } catch (error) {
    throw damaged(error)
  }
  throw damaged()
}

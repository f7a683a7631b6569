import {
  type Catalog,
  type Clock,
  type ImageCompletion,
  type ImageRecord,
  type ImageState,
  type JobLog,
  NbError,
} from '@nb/contracts'

/** Options of {@link createFakeCatalog}. */
export interface FakeCatalogOptions {
  /** What its times come from. */
  readonly clock: Clock
  /** Where it leaves its lines. */
  readonly log: JobLog
}

/**
 * The image records of a catalog, in memory: creation, completion, life and death keep the port's obligations. It has
 * no files files: what reads or writes them rejects with `not-supported`.
 */
export interface FakeCatalog extends Catalog {
  /** All records, oldest first. */
  readonly images: readonly ImageRecord[]
  /** Adds an image as if it had been made earlier. */
  add(image: ImageRecord): void
}

/** Makes one. */
export function createFakeCatalog({ clock, log }: FakeCatalogOptions): FakeCatalog {
  const images = new Map<string, ImageRecord>()
  const tell = (jobId: string, number: number, text: string): void => {
    const step = { flow: 'backup', number } as const
    const line = { time: clock.now(), component: 'catalog', severity: 'info', step, text } as const
    void log.append({ jobId, lines: [line] })
  }
  const known = (backupId: string): ImageRecord => {
    const image = images.get(backupId)
    if (image === undefined) throw new NbError('image-unknown', `no image ${backupId}`)
    return image
  }
  const setState = (image: ImageRecord, state: ImageState): void =>
    void images.set(image.backupId, { ...image, state })
  const neededBy = (backupId: string): readonly string[] =>
    [...images.values()]
      .filter((image) => image.state === 'complete' && image.neededImages.includes(backupId))
      .map((image) => image.backupId)
  const unsupported = async (): Promise<never> => {
    throw new NbError('not-supported', 'this catalog keeps image records only')
  }
  return {
    createImage: async (input) => {
      let seconds = Math.floor(clock.now() / 1000)
      while (images.has(`${input.client}_${seconds}`)) seconds += 1
      const image: ImageRecord = {
        ...input,
        version: 1,
        backupId: `${input.client}_${seconds}`,
        state: 'in-progress',
        backupTime: seconds * 1000,
        neededImages: input.referenceId === undefined ? [] : [input.referenceId],
        copies: [],
      }
      images.set(image.backupId, image)
      tell(image.jobId, 6, `image ${image.backupId}: header and files file created`)
      return image
    },
    completeImage: async ({ backupId, completion }) => {
      const image = known(backupId)
      if (image.state === 'complete') return image
      if (image.state !== 'in-progress')
        throw new NbError('state-conflict', `image ${backupId} is ${image.state}`)
      checkCompletion(backupId, completion)
      const { status, counts, copies } = completion
      const complete: ImageRecord = {
        ...image,
        state: 'complete',
        completedAt: clock.now(),
        status,
        counts,
        copies,
      }
      images.set(backupId, complete)
      tell(image.jobId, 15, `image ${backupId} is verified and browsable`)
      return complete
    },
    discardImage: async ({ backupId }) => {
      const image = known(backupId)
      if (image.state === 'complete') throw new NbError('state-conflict', `image ${backupId} is complete`)
      if (image.state === 'in-progress') setState(image, 'discarded')
    },
    getImage: async ({ backupId }) => images.get(backupId),
    listImages: async function* (filter) {
      const states = filter.states ?? ['complete']
      const matching = [...images.values()].filter(
        (image) =>
          states.includes(image.state) &&
          (filter.backupId === undefined || image.backupId === filter.backupId) &&
          (filter.client === undefined || image.client === filter.client) &&
          (filter.policy === undefined || image.policy === filter.policy) &&
          (filter.schedule === undefined || image.schedule === filter.schedule) &&
          (filter.scheduleTypes === undefined || filter.scheduleTypes.includes(image.scheduleType)) &&
          (filter.stream === undefined || filter.stream === image.stream) &&
          (filter.from === undefined || image.backupTime >= filter.from) &&
          (filter.to === undefined || image.backupTime <= filter.to),
      )
      yield* matching.reverse().slice(0, filter.limit)
    },
    expireImage: async ({ backupId, force }) => {
      const image = known(backupId)
      const needers = neededBy(backupId)
      if (needers.length > 0 && force !== true)
        throw new NbError('image-needed', `${needers.join(', ')} need ${backupId}`)
      if (image.state === 'complete') setState(image, 'expired')
    },
    expireDue: async () => {
      const due = [...images.values()].filter(
        ({ state, expiresAt }) => state === 'complete' && expiresAt !== undefined && expiresAt <= clock.now(),
      )
      const expired: string[] = []
      // An image that only due images need goes with them: the newest goes first.
      for (const image of due.reverse()) {
        if (neededBy(image.backupId).length > 0) continue
        setState(image, 'expired')
        expired.push(image.backupId)
      }
      return { expired, held: due.map(({ backupId }) => backupId).filter((id) => !expired.includes(id)) }
    },
    forgetImage: async ({ backupId }) => {
      const state = images.get(backupId)?.state
      if (state === 'complete' || state === 'in-progress')
        throw new NbError('state-conflict', `image ${backupId} is ${state}`)
      images.delete(backupId)
    },
    importImage: unsupported,
    addCopy: unsupported,
    promoteCopy: unsupported,
    removeCopy: unsupported,
    appendFileList: unsupported,
    sealFileList: unsupported,
    syncFileList: unsupported,
    treeImages: () => unsupportedItems(),
    readFileList: unsupported,
    browse: () => unsupportedItems(),
    versions: () => unsupportedItems(),
    search: () => unsupportedItems(),
    check: () => unsupportedItems(),
    get images() {
      return [...images.values()]
    },
    add: (image) => void images.set(image.backupId, image),
  }
}

async function* unsupportedItems(): AsyncGenerator<never> {
  throw new NbError('not-supported', 'this catalog keeps image records only')
}

function checkCompletion(backupId: string, { counts, fileList, copies }: ImageCompletion): void {
  if (counts.entries === fileList.entries && copies.length > 0) return
  throw new NbError('image-inconsistent', `image ${backupId}: list and counts differ, or there is no copy`)
}

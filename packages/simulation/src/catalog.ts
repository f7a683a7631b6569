import {
  type Catalog,
  type Clock,
  type ImageCompletion,
  type ImageFilter,
  type ImageRecord,
  type ImageState,
  NbError,
  throwIfAborted,
} from '@nb/contracts'

/**
 * An image database in memory: records, states, needs and expiry keep the port's obligations; crashes do not happen to it.
 * Its images have no file lists: what reads or writes them rejects with `not-supported`, and a completion's list is taken
 * at its word. An incremental needs the images its reference needs, and the reference.
 */
export function createSimulatedCatalog(clock: Clock): Catalog {
  return new SimulatedCatalog(clock)
}

class SimulatedCatalog implements Catalog {
  readonly #clock: Clock
  readonly #images = new Map<string, ImageRecord>()
  /** A client's images, oldest first. */
  readonly #ofClient = new Map<string, Map<string, ImageRecord>>()
  readonly #inState: Readonly<Record<ImageState, Map<string, ImageRecord>>> = {
    'in-progress': new Map(),
    complete: new Map(),
    expired: new Map(),
    discarded: new Map(),
  }
  /** How many complete images, and images in progress, need an image. */
  readonly #needs = new Map<string, Set<string>>()
  /** The last second for which a client got an id. */
  readonly #lastSecond = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  createImage: Catalog['createImage'] = async (input, options) => {
    throwIfAborted(options)
    const second = Math.max(
      Math.floor(this.#clock.now() / 1000),
      (this.#lastSecond.get(input.client) ?? 0) + 1,
    )
    this.#lastSecond.set(input.client, second)
    const reference = input.referenceId === undefined ? undefined : this.#images.get(input.referenceId)
    const neededImages = reference === undefined ? [] : [...reference.neededImages, reference.backupId]
    const image: ImageRecord = {
      ...input,
      version: 1,
      backupId: `${input.client}_${second}`,
      state: 'in-progress',
      backupTime: this.#clock.now(),
      neededImages,
      copies: [],
    }
    for (const needed of neededImages) this.#needersOf(needed).add(image.backupId)
    this.#put(image)
    return image
  }

  completeImage: Catalog['completeImage'] = async ({ backupId, completion }) => {
    const image = this.#known(backupId)
    if (image.state === 'complete') return image
    this.#require(image, 'in-progress')
    checkCompletion(image, completion)
    const { status, counts, copies } = completion
    const complete = {
      ...image,
      state: 'complete',
      completedAt: this.#clock.now(),
      status,
      counts,
      copies,
    } as const
    this.#put(complete)
    return complete
  }

  discardImage: Catalog['discardImage'] = async ({ backupId }) => {
    const image = this.#known(backupId)
    if (image.state === 'complete') throw stateConflict(image)
    if (image.state === 'in-progress') this.#end(image, 'discarded')
  }

  getImage: Catalog['getImage'] = async ({ backupId }) => this.#images.get(backupId)

  async *listImages(
    filter: ImageFilter,
    options?: Parameters<Catalog['listImages']>[1],
  ): AsyncGenerator<ImageRecord> {
    throwIfAborted(options)
    const states = filter.states ?? ['complete']
    let left = filter.limit ?? Infinity
    for (const image of this.#candidates(filter, states)) {
      if (left <= 0) return
      if (!states.includes(image.state) || !matches(image, filter)) continue
      left -= 1
      yield image
    }
  }

  expireImage: Catalog['expireImage'] = async ({ backupId, force }) => {
    const image = this.#known(backupId)
    const needers = [...this.#needersOf(backupId)]
    if (needers.length > 0 && force !== true) {
      throw new NbError(
        'image-needed',
        `image ${backupId} is needed by ${needers.join(', ')}; expire those first`,
        {
          details: { backupId, needers },
        },
      )
    }
    if (image.state === 'complete') this.#end(image, 'expired')
  }

  expireDue: Catalog['expireDue'] = async () => {
    const now = this.#clock.now()
    const due = [...this.#inState.complete.values()]
      .filter(({ expiresAt }) => expiresAt !== undefined && expiresAt <= now)
      .reverse()
      .sort((a, b) => b.backupTime - a.backupTime)
    const expired: string[] = []
    const held: string[] = []
    // The newest goes first: an image that only due images need goes with them.
    for (const image of due) {
      if (this.#needersOf(image.backupId).size > 0) held.push(image.backupId)
      else {
        this.#end(image, 'expired')
        expired.push(image.backupId)
      }
    }
    return { expired, held }
  }

  forgetImage: Catalog['forgetImage'] = async ({ backupId }) => {
    const image = this.#images.get(backupId)
    if (image === undefined) return
    if (image.state === 'complete' || image.state === 'in-progress') throw stateConflict(image)
    this.#images.delete(backupId)
    this.#inState[image.state].delete(backupId)
    this.#ofClient.get(image.client)?.delete(backupId)
    this.#needs.delete(backupId)
  }

  appendFileList: Catalog['appendFileList'] = async () => noLists()
  sealFileList: Catalog['sealFileList'] = async () => noLists()
  syncFileList: Catalog['syncFileList'] = async () => noLists()
  readFileList: Catalog['readFileList'] = async () => noLists()
  browse: Catalog['browse'] = () => noEntries()
  versions: Catalog['versions'] = () => noEntries()
  treeImages: Catalog['treeImages'] = () => noEntries()

  #known(backupId: string): ImageRecord {
    const image = this.#images.get(backupId)
    if (image === undefined)
      throw new NbError('image-unknown', `there is no image ${backupId}`, { details: { backupId } })
    return image
  }

  #require(image: ImageRecord, state: ImageState): void {
    if (image.state !== state) throw stateConflict(image)
  }

  #needersOf(backupId: string): Set<string> {
    const known = this.#needs.get(backupId)
    if (known !== undefined) return known
    const needers = new Set<string>()
    this.#needs.set(backupId, needers)
    return needers
  }

  #put(image: ImageRecord): void {
    const { backupId, client, state } = image
    const before = this.#images.get(backupId)
    if (before !== undefined && before.state !== state) this.#inState[before.state].delete(backupId)
    this.#images.set(backupId, image)
    this.#inState[state].set(backupId, image)
    const images = this.#ofClient.get(client) ?? new Map<string, ImageRecord>()
    this.#ofClient.set(client, images.set(backupId, image))
  }

  #end(image: ImageRecord, state: 'expired' | 'discarded'): void {
    for (const needed of image.neededImages) this.#needs.get(needed)?.delete(image.backupId)
    this.#put({ ...image, state })
  }

  /** Newest first. */
  #candidates({ backupId, client }: ImageFilter, states: readonly ImageState[]): readonly ImageRecord[] {
    if (backupId !== undefined) {
      const image = this.#images.get(backupId)
      return image === undefined ? [] : [image]
    }
    if (client !== undefined) return [...(this.#ofClient.get(client)?.values() ?? [])].reverse()
    const images = states.flatMap((state) => [...this.#inState[state].values()])
    return images.sort((a, b) => b.backupTime - a.backupTime || (a.backupId < b.backupId ? 1 : -1))
  }
}

function matches(image: ImageRecord, filter: ImageFilter): boolean {
  return (
    (filter.client === undefined || image.client === filter.client) &&
    (filter.policy === undefined || image.policy === filter.policy) &&
    (filter.schedule === undefined || image.schedule === filter.schedule) &&
    (filter.scheduleTypes === undefined || filter.scheduleTypes.includes(image.scheduleType)) &&
    (filter.stream === undefined || image.stream === filter.stream) &&
    (filter.from === undefined || image.backupTime >= filter.from) &&
    (filter.to === undefined || image.backupTime <= filter.to)
  )
}

function checkCompletion({ backupId }: ImageRecord, { counts, fileList, copies }: ImageCompletion): void {
  const lengths = copies.map(({ fragments }) =>
    fragments.reduce((sum, { streamBytes }) => sum + streamBytes, 0),
  )
  const agree =
    counts.entries === fileList.entries &&
    copies.length > 0 &&
    lengths.every((length) => length === counts.streamBytes)
  if (!agree) {
    throw new NbError('image-inconsistent', `image ${backupId}: list, counts and fragments do not agree`, {
      details: { backupId },
    })
  }
}

function stateConflict({ backupId, state }: ImageRecord): NbError {
  return new NbError('state-conflict', `image ${backupId} is ${state}`, { details: { backupId, state } })
}

function noLists(): never {
  throw new NbError('not-supported', 'simulated images have no file lists')
}

async function* noEntries(): AsyncGenerator<never> {
  noLists()
}

import {
  type CallOptions,
  type Catalog,
  type Clock,
  type ImageCompletion,
  type ImageFilter,
  type ImageRecord,
  type ImageState,
  NbError,
  throwIfAborted,
} from '@nb/contracts'
import { ImageList, type Listed } from './image-list.ts'

/**
 * An image database in memory: records, states, needs and expiry keep the port's obligations; crashes do not happen to it.
 * Its images have no file lists: what reads or writes them rejects with `not-supported`, and a completion's list is taken
 * at its word. An incremental needs the images its reference needs, and the reference.
 */
export function createSimulatedCatalog(clock: Clock): Catalog {
  return new SimulatedCatalog(clock)
}

/** An image and what is counted of it. */
interface Entry extends Listed {
  image: ImageRecord
  /** How many images were made before it. */
  readonly made: number
  /** How many complete images, and images in progress, need it. */
  needers: number
}

/** The images of a client. */
interface ClientImages {
  /** Oldest first. A list whose entries are taken away is replaced: somebody may be going through it. */
  entries: Entry[]
  /** The last second for which it got an id. */
  lastSecond: number
}

class SimulatedCatalog implements Catalog {
  readonly #clock: Clock
  readonly #images = new Map<string, Entry>()
  readonly #clients = new Map<string, ClientImages>()
  /** Those in progress. */
  readonly #inProgress = new Set<Entry>()
  /** Those that have expired or were given up. */
  readonly #ended = new Map<string, Entry>()
  /** Complete images by the day they expire on, counted from the epoch. */
  readonly #expiring = new Map<number, Set<Entry>>()
  #made = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  createImage: Catalog['createImage'] = async (input, options) => {
    throwIfAborted(options)
    const others = this.#imagesOf(input.client)
    const second = Math.max(Math.floor(this.#clock.now() / 1000), others.lastSecond + 1)
    others.lastSecond = second
    const reference = input.referenceId === undefined ? undefined : this.#images.get(input.referenceId)?.image
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
    this.#count(image, 1)
    const entry = { image, made: ++this.#made, needers: 0 }
    this.#images.set(image.backupId, entry)
    this.#inProgress.add(entry)
    others.entries.push(entry)
    return image
  }

  completeImage: Catalog['completeImage'] = async ({ backupId, completion }) => {
    const entry = this.#known(backupId)
    const { image } = entry
    if (image.state === 'complete') return image
    if (image.state !== 'in-progress') throw stateConflict(image)
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
    entry.image = complete
    this.#inProgress.delete(entry)
    this.#expires(entry)
    return complete
  }

  discardImage: Catalog['discardImage'] = async ({ backupId }) => {
    const entry = this.#known(backupId)
    const { image } = entry
    if (image.state === 'complete') throw stateConflict(image)
    if (image.state === 'in-progress') this.#end(entry, 'discarded')
  }

  getImage: Catalog['getImage'] = async ({ backupId }) => this.#images.get(backupId)?.image

  listImages(filter: ImageFilter, options?: CallOptions): AsyncIterable<ImageRecord> {
    const states = filter.states ?? ['complete']
    return new ImageList(() => this.#candidates(filter, states), states, filter, options)
  }

  expireImage: Catalog['expireImage'] = async ({ backupId, force }) => {
    const entry = this.#known(backupId)
    if (entry.needers > 0 && force !== true) {
      const needers = this.#needersOf(backupId)
      throw new NbError(
        'image-needed',
        `image ${backupId} is needed by ${needers.join(', ')}; expire those first`,
        {
          details: { backupId, needers },
        },
      )
    }
    if (entry.image.state === 'complete') this.#end(entry, 'expired')
  }

  expireDue: Catalog['expireDue'] = async () => {
    const now = this.#clock.now()
    const due: Entry[] = []
    for (const [day, entries] of this.#expiring) {
      if (day * dayMs > now) continue
      for (const entry of entries) if ((entry.image.expiresAt ?? Infinity) <= now) due.push(entry)
    }
    due.sort((a, b) => b.image.backupTime - a.image.backupTime || b.made - a.made)
    const expired: string[] = []
    const held: string[] = []
    // The newest goes first: an image that only due images need goes with them.
    for (const entry of due) {
      const { backupId } = entry.image
      if (entry.needers > 0) held.push(backupId)
      else {
        this.#end(entry, 'expired')
        expired.push(backupId)
      }
    }
    return { expired, held }
  }

  forgetImage: Catalog['forgetImage'] = async ({ backupId }) => {
    const entry = this.#images.get(backupId)
    if (entry === undefined) return
    const { state, client } = entry.image
    if (state === 'complete' || state === 'in-progress') throw stateConflict(entry.image)
    this.#images.delete(backupId)
    this.#ended.delete(backupId)
    const others = this.#imagesOf(client)
    others.entries = others.entries.filter((other) => other !== entry)
  }

  importImage: Catalog['importImage'] = async () => noLists()
  addCopy: Catalog['addCopy'] = async () => noLists()
  promoteCopy: Catalog['promoteCopy'] = async () => noLists()
  removeCopy: Catalog['removeCopy'] = async () => noLists()
  appendFileList: Catalog['appendFileList'] = async () => noLists()
  sealFileList: Catalog['sealFileList'] = async () => noLists()
  syncFileList: Catalog['syncFileList'] = async () => noLists()
  readFileList: Catalog['readFileList'] = async () => noLists()
  browse: Catalog['browse'] = () => noEntries()
  versions: Catalog['versions'] = () => noEntries()
  search: Catalog['search'] = () => noEntries()
  check: Catalog['check'] = () => noEntries()
  treeImages: Catalog['treeImages'] = () => noEntries()

  #imagesOf(client: string): ClientImages {
    let images = this.#clients.get(client)
    if (images === undefined) {
      images = { entries: [], lastSecond: 0 }
      this.#clients.set(client, images)
    }
    return images
  }

  #known(backupId: string): Entry {
    const entry = this.#images.get(backupId)
    if (entry === undefined)
      throw new NbError('image-unknown', `there is no image ${backupId}`, { details: { backupId } })
    return entry
  }

  #expires(entry: Entry): void {
    const { expiresAt } = entry.image
    if (expiresAt === undefined) return
    const day = Math.floor(expiresAt / dayMs)
    const others = this.#expiring.get(day)
    if (others === undefined) this.#expiring.set(day, new Set([entry]))
    else others.add(entry)
  }

  /** The images that need one. */
  #needersOf(backupId: string): string[] {
    const needers: string[] = []
    for (const { image } of this.#images.values()) {
      const counts = image.state === 'complete' || image.state === 'in-progress'
      if (counts && image.neededImages.includes(backupId)) needers.push(image.backupId)
    }
    return needers
  }

  #count({ neededImages }: ImageRecord, change: 1 | -1): void {
    for (const needed of neededImages) {
      const entry = this.#images.get(needed)
      if (entry !== undefined) entry.needers += change
    }
  }

  #end(entry: Entry, state: 'expired' | 'discarded'): void {
    this.#count(entry.image, -1)
    this.#inProgress.delete(entry)
    const day = Math.floor((entry.image.expiresAt ?? 0) / dayMs)
    const others = this.#expiring.get(day)
    if (others?.delete(entry) === true && others.size === 0) this.#expiring.delete(day)
    entry.image = { ...entry.image, state }
    this.#ended.set(entry.image.backupId, entry)
  }

  /** All images in these states, and maybe others. */
  #inStates(states: readonly ImageState[]): Entry[] {
    if (states.every((state) => state === 'expired' || state === 'discarded'))
      return [...this.#ended.values()]
    if (states.every((state) => state === 'in-progress')) return [...this.#inProgress]
    return [...this.#images.values()]
  }

  /** Newest last. */
  #candidates({ backupId, client }: ImageFilter, states: readonly ImageState[]): readonly Entry[] {
    if (backupId !== undefined) {
      const entry = this.#images.get(backupId)
      return entry === undefined ? [] : [entry]
    }
    if (client !== undefined) return this.#clients.get(client)?.entries ?? []
    const isOf = ({ image }: Entry): boolean => states.includes(image.state)
    return this.#inStates(states)
      .filter(isOf)
      .sort(({ image: a }, { image: b }) => a.backupTime - b.backupTime || (a.backupId < b.backupId ? -1 : 1))
  }
}

const dayMs = 86_400_000

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

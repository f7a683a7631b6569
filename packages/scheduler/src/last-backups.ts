import type { CallOptions, Catalog, ImageFilter, ImageRecord, Policy } from '@nb/contracts'
import { type LastBackups, startsByItself } from './due.ts'
import type { ClientStream } from './streams.ts'

/** What the catalog knows of a policy's backups of a client, or of a stream of it. */
export interface KnownBackups {
  readonly last: LastBackups
  /** When the first of them expires, milliseconds since the epoch: what is due may change then. */
  readonly expiresAt: number
}

/** Of whom the catalog is asked. */
export interface BackupsOf {
  readonly policy: Policy
  readonly client: string
  /** Its streams; the one without a name is for all that the policy selects. */
  readonly streams: readonly Pick<ClientStream, 'name'>[]
}

/** What the catalog answered, for each stream in their order. */
export interface Told {
  readonly backups: readonly FoundBackups[]
  /** The newest of the images that it was told by. */
  readonly newest: string | undefined
}

/** An earlier answer that is true still but for these images, which came since. */
export interface ToldBefore {
  readonly told: Told
  readonly since: readonly string[]
}

/** What is kept of an image. */
type Found = Pick<ImageRecord, 'schedule' | 'backupTime' | 'expiresAt'>

/** The newest successes of one stream, as far as they were found: few, and kept for every client. */
export class FoundBackups implements KnownBackups, LastBackups {
  readonly #images: Found[] = []
  expiresAt: number = Infinity

  get last(): LastBackups {
    return this
  }

  /** When a schedule last succeeded. */
  get(schedule: string): number | undefined {
    for (const image of this.#images) if (image.schedule === schedule) return image.backupTime
    return undefined
  }

  /** Takes the newest image of a schedule; tells whether it was missing. */
  note({ schedule, backupTime, expiresAt }: Found): boolean {
    if (this.get(schedule) !== undefined) return false
    this.#keep(expiresAt === undefined ? { schedule, backupTime } : { schedule, backupTime, expiresAt })
    return true
  }

  /** Takes over from before what nothing newer was found for. */
  inherit(before: FoundBackups): void {
    for (const image of before.#images) if (this.get(image.schedule) === undefined) this.#keep(image)
  }

  #keep(image: Found): void {
    this.#images.push(image)
    if (image.expiresAt !== undefined) this.expiresAt = Math.min(this.expiresAt, image.expiresAt)
  }
}

/**
 * Asks the catalog when each schedule of a policy last succeeded for a client, for each of its streams. The image of one
 * stream is no backup of all. Runs by hand count. The images are gone through once, newest first, until every schedule has
 * been found, or until nothing but what `before` was told by is left.
 */
export async function lastBackups(
  catalog: Pick<Catalog, 'listImages'>,
  of: BackupsOf,
  before?: ToldBefore,
  options?: CallOptions,
): Promise<Told> {
  const search = new Search(of, before)
  if (search.isOver) return search.told()
  for await (const image of catalog.listImages(filterOf(of), options)) if (search.take(image)) break
  return search.told()
}

/** Goes through images, newest first. */
class Search {
  readonly #of: BackupsOf
  readonly #before: ToldBefore | undefined
  /** How many schedules of streams were not found yet. */
  #missing: number
  /** How many images that came since then were not seen yet. */
  #unseen: number
  /** Whether the newest image of before was seen. */
  #isPast = false
  #newest: string | undefined
  #found: readonly FoundBackups[] | undefined

  constructor(of: BackupsOf, before: ToldBefore | undefined) {
    this.#of = of
    this.#before = before
    this.#missing = countStarting(of.policy) * of.streams.length
    this.#unseen = before?.told.newest === undefined ? Infinity : before.since.length
  }

  /** Whether it needs no more images. */
  get isOver(): boolean {
    return this.#missing === 0 || this.#isTold
  }

  /** Takes the next image; answers whether it needs no more. */
  take(image: ImageRecord): boolean {
    const { backupId } = image
    this.#newest ??= backupId
    if (this.#before !== undefined) {
      const { told, since } = this.#before
      if (since.includes(backupId)) this.#unseen -= 1
      if (backupId === told.newest) {
        this.#isPast = true
        if (this.#isTold) return true
      }
    }
    this.#note(image)
    return this.isOver
  }

  /** What was found, with what of before is true still. */
  told(): Told {
    const before = this.#isTold ? this.#before?.told : undefined
    if (before !== undefined && this.#found === undefined) return before
    const backups = this.#all()
    if (before !== undefined) for (const [at, told] of before.backups.entries()) backups[at]?.inherit(told)
    return { backups, newest: this.#newest }
  }

  /** Whether all that is left is what was told before. */
  get #isTold(): boolean {
    return this.#isPast && this.#unseen === 0
  }

  #note(image: ImageRecord): void {
    const { policy, streams } = this.#of
    const of = this.#all()[streams.findIndex(({ name }) => name === image.stream)]
    if (of !== undefined && isWanted(policy, image.schedule) && of.note(image)) this.#missing -= 1
  }

  #all(): readonly FoundBackups[] {
    this.#found ??= this.#of.streams.map(() => new FoundBackups())
    return this.#found
  }
}

function filterOf({ policy, client, streams }: BackupsOf): ImageFilter {
  const stream = streams.length > 1 ? undefined : streams[0]?.name
  return stream === undefined ? { client, policy: policy.name } : { client, policy: policy.name, stream }
}

function countStarting({ schedules }: Policy): number {
  let count = 0
  for (const schedule of schedules) if (startsByItself(schedule)) count += 1
  return count
}

function isWanted({ schedules }: Policy, name: string): boolean {
  for (const schedule of schedules) if (schedule.name === name) return startsByItself(schedule)
  return false
}

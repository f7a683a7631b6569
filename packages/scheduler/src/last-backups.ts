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

/** The newest successes of one stream, as far as they were found. */
export class FoundBackups implements KnownBackups {
  readonly last: Map<string, number> = new Map()
  expiresAt: number = Infinity
  /** By schedule, of those that expire. */
  readonly #expiries: Map<string, number> = new Map()

  /** Takes the newest image of a schedule; tells whether it was missing. */
  note({
    schedule,
    backupTime,
    expiresAt,
  }: Pick<ImageRecord, 'schedule' | 'backupTime' | 'expiresAt'>): boolean {
    if (this.last.has(schedule)) return false
    this.last.set(schedule, backupTime)
    if (expiresAt === undefined) return true
    this.#expiries.set(schedule, expiresAt)
    this.expiresAt = Math.min(this.expiresAt, expiresAt)
    return true
  }

  /** Takes over from before what nothing newer was found for. */
  inherit(before: FoundBackups): void {
    for (const [schedule, backupTime] of before.last) {
      const expiresAt = before.#expiries.get(schedule)
      this.note({ schedule, backupTime, ...(expiresAt === undefined ? {} : { expiresAt }) })
    }
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
  const { policy, streams } = of
  let missing = countStarting(policy) * streams.length
  if (missing === 0) return { backups: streams.map(() => new FoundBackups()), newest: undefined }
  let unseen = before === undefined || before.told.newest === undefined ? Infinity : before.since.length
  let isPastNewest = false
  let newest: string | undefined
  let found: FoundBackups[] | undefined
  for await (const image of catalog.listImages(filterOf(of), options)) {
    const { backupId } = image
    newest ??= backupId
    if (before !== undefined) {
      if (before.since.includes(backupId)) unseen -= 1
      if (backupId === before.told.newest) {
        isPastNewest = true
        if (unseen === 0) break
      }
    }
    found ??= streams.map(() => new FoundBackups())
    const ofStream = found[streams.findIndex(({ name }) => name === image.stream)]
    if (ofStream !== undefined && isWanted(policy, image.schedule) && ofStream.note(image)) missing -= 1
    if (missing === 0 || (isPastNewest && unseen === 0)) break
  }
  if (before !== undefined && isPastNewest && unseen === 0) {
    if (found === undefined) return before.told
    for (const [at, told] of before.told.backups.entries()) found[at]?.inherit(told)
  }
  return { backups: found ?? streams.map(() => new FoundBackups()), newest }
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

import type { ImageCopy, ImageRecord, ImageState } from '@nb/contracts'
import type { ManagerParts } from './components.ts'
import type { CopiesInWork } from './copies-in-work.ts'
import { type FoundCopy, forgetUnfinishedCopies, keyOfCopy, removeRest } from './copy-rests.ts'
import { storedBytesOf } from './expected-bytes.ts'
import { type StoragePlace, removeImage, removeOneCopy } from './give-back.ts'
import { attempt } from './patience.ts'
import { mediaServerOf } from './session-calls.ts'
import type { JobWorker } from './workers.ts'

/** What a clean-up did. */
export interface CleanupReport {
  /** Images that came to their time and were expired. */
  readonly expired: readonly string[]
  /** Images that are due but still needed by others. */
  readonly held: readonly string[]
  /** Images that were left in progress without a job. */
  readonly discarded: readonly string[]
  /** Images whose fragments and records are gone now. */
  readonly removed: readonly string[]
  /** Copies whose own time had come while others of their images stay, and that are gone now, as `IMAGE copy N`. */
  readonly removedCopies: readonly string[]
  /** What was left of copies that were never made, or given up, and is gone now, as `IMAGE copy N on UNIT`. */
  readonly removedRests: readonly string[]
  /** Images whose fragments could not be removed yet. */
  readonly failed: readonly string[]
  /**
   * Fragments on storage units of which the catalog has no record, as images or as whole copies: left alone, they may be imported. None where the
   * clean-up did not look for them (`fragmentCheckMs`).
   */
  readonly unknown: readonly (StoragePlace & { readonly backupId: string })[]
  /** Jobs that ended long ago and were taken out of the database. */
  readonly purgedJobs: number
}

/** What `makeRoom` of the job manager did. */
export interface RoomMade {
  /** Copies that are gone now, as `IMAGE copy N`. */
  readonly removedCopies: readonly string[]
  readonly bytes: number
}

/** Expires images that are due, removes what expired and discarded images left on the media, purges old jobs. */
export interface Housekeeping {
  /** Cleans now; a call while one is under way gets that one's report. */
  clean(): Promise<CleanupReport>
  /**
   * Makes room on a disk storage unit: removes copies there of images that have another copy on another storage unit, the oldest images
   * first, until so many bytes are gone. Never the last copy.
   */
  makeRoom(input: { readonly storageUnit: string; readonly bytes: number }): Promise<RoomMade>
  /**
   * Cleans now and every `cleanupIntervalMs` from now on, by itself.
   *
   * @param orphans - images that were given up before anything ran: they are removed although their jobs may go on, with other images
   */
  start(orphans: readonly string[]): void
  /** Ends it; resolves when no clean-up is under way, after at most the image in hand. */
  stop(): Promise<void>
}

/** Makes the housekeeping. */
export function createHousekeeping(parts: ManagerParts, copies: CopiesInWork): Housekeeping {
  const { clock, log } = parts
  let under: Promise<CleanupReport> | undefined
  let cancel: (() => void) | undefined
  let stopping = new AbortController()
  let looked: number | undefined
  let orphaned: ReadonlySet<string> = new Set()

  const cleanOnce = async ({ signal }: AbortController): Promise<CleanupReport> => {
    const now = clock.now()
    const isToLook = looked === undefined || now - looked >= parts.fragmentCheckMs
    const report = await cleanUp(parts, { copies, isToLook, orphaned }, signal)
    if (isToLook && !signal.aborted) looked = now
    return report
  }
  const clean = (): Promise<CleanupReport> => {
    under ??= cleanOnce(stopping).finally(() => (under = undefined))
    return under
  }
  const run = (): void => {
    cancel = clock.setTimer(parts.cleanupIntervalMs, run)
    void attempt(log, 'clean-up', clean)
  }
  return {
    clean,
    makeRoom: (input) => makeRoom(parts, input, stopping.signal),
    start: (orphans) => {
      orphaned = new Set(orphans)
      stopping = new AbortController()
      run()
    },
    stop: async () => {
      cancel?.()
      stopping.abort()
      await under?.catch(() => undefined)
    },
  }
}

/** What carries out jobs of type `image-cleanup`. */
export function cleanupWorker(housekeeping: Housekeeping): JobWorker {
  return {
    run: async ({ say }) => {
      const { expired, held, discarded, removed, removedCopies, removedRests, failed, unknown, purgedJobs } =
        await housekeeping.clean()
      await say(
        `expired ${expired.length}, still needed ${held.length}, discarded ${discarded.length}, ` +
          `removed ${removed.length}, copies removed ${removedCopies.length}, ` +
          `rests of copies removed ${removedRests.length}, not yet removed ${failed.length}, unknown to the catalog ${unknown.length}, ` +
          `old jobs ${purgedJobs}`,
      )
      if (failed.length === 0) return { status: 0 }
      const statusText = `the fragments of ${failed.join(', ')} could not be removed yet`
      return { status: 1, statusText, warnings: failed.length }
    },
  }
}

async function cleanUp(
  parts: ManagerParts,
  {
    copies: inWork,
    isToLook,
    orphaned,
  }: { readonly copies: CopiesInWork; readonly isToLook: boolean; readonly orphaned: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<CleanupReport> {
  const { catalog, store } = parts
  const { expired, held, copies = [] } = await catalog.expireDue({}, { signal })
  const removedCopies: string[] = []
  for (const { backupId, copy } of copies)
    if (!signal.aborted && (await removeOneCopy(parts, backupId, copy)))
      removedCopies.push(`${backupId} copy ${copy.copy}`)
  const discarded = await discardOrphans(parts, 'jobs-run')
  const removed: string[] = []
  const failed: string[] = []
  let kept = isToLook ? await keptImages(parts) : undefined
  const places = async (): Promise<readonly StoragePlace[]> => (kept ??= await keptImages(parts)).places
  for (const image of await imagesIn(parts, ['expired', 'discarded'])) {
    if (signal.aborted) break
    // The flow of a job that still settles removes its own image.
    if (store.current(image.jobId) !== undefined && !orphaned.has(image.backupId)) continue
    const done = await removeImage(parts, image.backupId, image.jobId, await placesOf(parts, image, places))
    ;(done ? removed : failed).push(image.backupId)
  }
  const found =
    isToLook && kept && !signal.aborted ? await unknownFragments(parts, inWork, kept, signal) : nothingFound
  const unfinished = isToLook && !signal.aborted ? await forgetUnfinishedCopies(parts) : []
  return {
    expired,
    held,
    discarded,
    removed,
    removedCopies,
    failed,
    ...found,
    removedRests: [...found.removedRests, ...unfinished],
    purgedJobs: await store.purge(),
  }
}

async function makeRoom(
  parts: ManagerParts,
  { storageUnit, bytes: wanted }: { readonly storageUnit: string; readonly bytes: number },
  signal: AbortSignal,
): Promise<RoomMade> {
  const candidates: { readonly backupId: string; readonly copy: ImageCopy; readonly bytes: number }[] = []
  for await (const { backupId, copies } of parts.catalog.listImages({}, { signal })) {
    const copy = copies.find((each) => each.storageUnit === storageUnit)
    const isElsewhere = copies.some((each) => each.storageUnit !== storageUnit)
    if (copy !== undefined && isElsewhere) candidates.push({ backupId, copy, bytes: storedBytesOf(copy) })
  }
  const removedCopies: string[] = []
  let bytes = 0
  // They are listed newest first.
  for (const { backupId, copy, bytes: size } of candidates.reverse()) {
    if (bytes >= wanted || signal.aborted) break
    if (!(await removeOneCopy(parts, backupId, copy))) continue
    removedCopies.push(`${backupId} copy ${copy.copy}`)
    bytes += size
  }
  return { removedCopies, bytes }
}

/**
 * Gives up images in progress that no job works on. While jobs run, a job that does not name its image yet may
 * just have made it; after a start, before anything runs, only a job that names it keeps it.
 */
export async function discardOrphans(
  parts: ManagerParts,
  when: 'nothing-runs' | 'jobs-run',
): Promise<readonly string[]> {
  const { catalog, store, log } = parts
  const orphans: string[] = []
  for (const { backupId, jobId } of await imagesIn(parts, ['in-progress'])) {
    const record = store.current(jobId)
    const making = when === 'jobs-run' && record !== undefined && record.backupId === undefined
    if (record?.backupId === backupId || making) continue
    const reason = 'no job works on it any more'
    if (await attempt(log, `discard of ${backupId}`, () => catalog.discardImage({ backupId, reason })))
      orphans.push(backupId)
  }
  return orphans
}

async function imagesIn(
  { catalog }: ManagerParts,
  states: readonly ImageState[],
): Promise<readonly ImageRecord[]> {
  const images: ImageRecord[] = []
  for await (const image of catalog.listImages({ states })) images.push(image)
  return images
}

/** The copies of images, as the catalog knows them, and where there may be more. */
interface KeptImages {
  readonly copies: ReadonlySet<string>
  readonly places: readonly StoragePlace[]
}

async function keptImages({ catalog, store }: ManagerParts): Promise<KeptImages> {
  const copies = new Set<string>()
  const units = new Map<string, Set<string>>()
  const add = (mediaServer: string, storageUnit: string): void => {
    const known = units.get(mediaServer)
    if (known === undefined) units.set(mediaServer, new Set([storageUnit]))
    else known.add(storageUnit)
  }
  for await (const image of catalog.listImages({ states: ['complete', 'expired'] }))
    for (const copy of image.copies) {
      copies.add(keyOfCopy(image.backupId, copy))
      add(copy.mediaServer, copy.storageUnit)
    }
  // A killed one may have been the first to write there.
  for await (const { mediaServer, storageUnit } of store.list({ types: ['duplicate'] }))
    if (mediaServer !== undefined && storageUnit !== undefined) add(mediaServer, storageUnit)
  const places = [...units].flatMap(([mediaServer, names]) =>
    [...names].map((storageUnit) => ({ mediaServer, storageUnit })),
  )
  return { copies, places }
}

/**
 * Where fragments of an image may be: at its copies; without any, where its job wrote last, and everywhere else that
 * is known, because a job that was requested again after a crash may have written to another place before.
 */
async function placesOf(
  { store, log }: ManagerParts,
  image: ImageRecord,
  known: () => Promise<readonly StoragePlace[]>,
): Promise<readonly StoragePlace[]> {
  if (image.copies.length > 0) return image.copies
  const record = await store.read(image.jobId).catch((error: unknown) => {
    log.error('job %s of image %s: %o', image.jobId, image.backupId, error)
    return undefined
  })
  const { mediaServer, storageUnit } = record ?? {}
  if (mediaServer === undefined || storageUnit === undefined) return known()
  const elsewhere = (await known()).filter(
    (place) => place.mediaServer !== mediaServer || place.storageUnit !== storageUnit,
  )
  return [{ mediaServer, storageUnit }, ...elsewhere]
}

type Found = Pick<CleanupReport, 'unknown' | 'removedRests'>

const nothingFound: Found = { unknown: [], removedRests: [] }

/** Looks at what the storage units hold and the catalog does not know. */
async function unknownFragments(
  parts: ManagerParts,
  inWork: CopiesInWork,
  { copies, places }: KeptImages,
  signal: AbortSignal,
): Promise<Found> {
  const { catalog, mediaServers, log } = parts
  const unknown: (StoragePlace & { readonly backupId: string })[] = []
  const removedRests: string[] = []
  for (const { mediaServer, storageUnit } of places) {
    const rests: FoundCopy[] = []
    const isUnknown = (backupId: string, what: string): void => {
      log.error('storage unit %s has %s of image %s, unknown to the catalog', storageUnit, what, backupId)
      unknown.push({ mediaServer, storageUnit, backupId })
    }
    await attempt(log, `fragments of ${storageUnit}`, async () => {
      const stored = mediaServerOf(mediaServers, mediaServer).storedImages({ storageUnit }, { signal })
      for await (const { backupId, copy } of stored) {
        if (copies.has(keyOfCopy(backupId, { copy, storageUnit }))) continue
        // The catalog is asked only for what it may have come to know meanwhile.
        if ((await catalog.getImage({ backupId })) === undefined) isUnknown(backupId, 'fragments')
        else rests.push({ mediaServer, storageUnit, backupId, copy })
      }
    })
    for (const rest of rests) {
      if (signal.aborted) break
      const outcome = await removeRest(parts, inWork, rest)
      const { backupId, copy } = rest
      if (outcome === 'gone') removedRests.push(`${backupId} copy ${copy} on ${storageUnit}`)
      else if (outcome === 'stays') isUnknown(backupId, `copy ${copy}`)
    }
  }
  return { unknown, removedRests }
}

import {
  type Allocation,
  type BackupSessionSpec,
  type CompressedFrame,
  type CopyInBackup,
  type ImageCopy,
  type ImageCounts,
  type MediaNeed,
  type MediaStore,
  type MountedMedium,
  NbError,
  type SingleAllocation,
  asNbError,
} from '@nb/contracts'
import { FragmentRow } from './fragment-row.ts'
import { splitRule } from './fragment-split.ts'
import type { KeptFileList } from './kept-file-list.ts'
import { type WrittenBefore, cutBack, resumable } from './resume.ts'
import { mountCopy, nextVolume } from './next-volume.ts'
import { givenUp } from './space-reporter.ts'
import type { Session } from './session.ts'
import { mediumOf } from './wording.ts'

/** A copy that is not made, though it was asked for. */
export interface MissingCopy {
  readonly copy: number
  readonly storageUnit?: string
  /** Why, in a sentence. */
  readonly reason: string
}

/** One copy while it is written. */
interface LiveCopy {
  readonly spec: CopyInBackup
  readonly need: WriteNeed
  /** Another one after each end of a volume. */
  allocation: SingleAllocation
  store?: MediaStore
  medium?: MountedMedium
  before?: WrittenBefore
  kept?: KeptFileList
  row?: FragmentRow
}

type WriteNeed = Extract<MediaNeed, { kind: 'write' }>

const onlyCopy: readonly CopyInBackup[] = [{ copy: 1, onFailure: 'failAllCopies' }]

/**
 * The copies of an image that a session writes at once, each a row of fragments on a medium of its own. They are given the same bytes:
 * the slowest sets the pace, and nothing is copied in memory. One that fails and may is left out, with what it had written; where none is
 * left, or one fails that may not, the session fails.
 */
export class BackupCopies {
  readonly #session: Session
  readonly #spec: BackupSessionSpec
  readonly #missing: MissingCopy[] = []
  #live: readonly LiveCopy[] = []

  constructor(session: Session, spec: BackupSessionSpec) {
    this.#session = session
    this.#spec = spec
  }

  /** The copies that were asked for and are not made. */
  get missing(): readonly MissingCopy[] {
    return this.#missing
  }

  /** What the copies are written to, for a person. */
  get places(): string {
    return this.#live.map(({ allocation }) => mediumOf(allocation)).join(' and ')
  }

  /** The storage units of the copies. */
  get storageUnits(): readonly string[] {
    return this.#live.map(({ allocation }) => allocation.storageUnit)
  }

  /** Stream bytes written. */
  get streamBytes(): number {
    return this.#first.streamBytes
  }

  /** Whether the stream could end here. */
  get atBoundary(): boolean {
    return this.#first.atBoundary
  }

  /** How many fragments a copy has that are committed. */
  get fragments(): number {
    return this.#first.fragments.length
  }

  /** Takes what was granted, one medium for each copy. Rejects with status 163 where it can't go on there. */
  take({ further = [], ...first }: Allocation): void {
    const { copies = onlyCopy, resumeFrom } = this.#spec
    const numbers = (resumeFrom?.copies ?? copies).map(({ copy }) => copy)
    const granted = [first, ...further]
    if (granted.length !== numbers.length)
      throw new NbError(
        'image-inconsistent',
        `${numbers.length} copies are to be written, and media for ${granted.length} were granted.`,
      )
    this.#live = granted.map((allocation, index) => {
      const copy = numbers[index] as number
      const spec = copies.find((each) => each.copy === copy) ?? { copy, onFailure: 'failAllCopies' }
      return { spec, need: needOf(this.#spec.need, index), allocation }
    })
    for (const { copy } of copies)
      if (!numbers.includes(copy)) this.#missing.push({ copy, reason: 'it had failed before the checkpoint' })
  }

  /** Mounts the medium of each copy. */
  async mount(): Promise<void> {
    const { host } = this.#session
    const { resumeFrom } = this.#spec
    await this.#each(async (copy) => {
      const { allocation, spec } = copy
      copy.store = host.storeOf(allocation.storageUnit)
      if (resumeFrom !== undefined) copy.before = resumable(resumeFrom, spec.copy, allocation.storageUnit)
      // The step is told once.
      await mountCopy(this.#session, copy, copy === this.#live[0] ? 'backup' : undefined)
    })
  }

  /** Makes a row of each copy, each with the list to keep for its trailers. */
  begin(kept: KeptFileList): void {
    const { host } = this.#session
    const lists = kept.parts(this.#live.length)
    for (const [index, copy] of this.#live.entries()) {
      const { spec, allocation, medium, before } = copy
      if (medium === undefined) throw new TypeError(`copy ${spec.copy} has no medium`)
      const { storageUnit } = allocation
      const { expiresAt } = spec
      const own = lists[index] as KeptFileList
      copy.kept = own
      const isTape = allocation.medium.kind === 'tape'
      copy.row = new FragmentRow({
        medium,
        ...(isTape ? { nextMedium: () => nextVolume(this.#session, copy) } : {}),
        image: this.#spec.image,
        copy: {
          copy: spec.copy,
          storageUnit,
          mediaServer: host.name,
          ...(expiresAt === undefined ? {} : { expiresAt }),
        },
        rule: splitRule(allocation.medium.maxFragmentBytes),
        kept: own,
        mostFileListBytes: host.mostFileListBytes,
        now: () => host.clock.now(),
        ...(before === undefined ? {} : { before }),
      })
    }
  }

  /** Removes what lies behind a checkpoint, and goes to where the next byte will be written. */
  async position(): Promise<void> {
    const { image } = this.#spec
    await this.#each(async ({ spec, allocation, store, medium, before, row }) => {
      if (store !== undefined && medium !== undefined && before !== undefined)
        await cutBack(this.#session, { store, medium, allocation, image, copy: spec.copy, before })
      await row?.position()
    })
  }

  /** Writes the next bytes of the stream to all copies; they may be used again when it resolves. */
  async write(bytes: Buffer): Promise<void> {
    await this.#each(({ row }) => row?.write(bytes) ?? nothing)
  }

  /** Writes the next frame of a compressed stream to all copies; it may be used again when it resolves. */
  async writeFrame(frame: CompressedFrame): Promise<void> {
    await this.#each(({ row }) => row?.writeFrame(frame) ?? nothing)
  }

  /** Gives what is kept of the list to the media, where that can be. */
  async relieve(): Promise<void> {
    await this.#each(({ row }) => row?.relieve() ?? nothing)
  }

  /**
   * While any copy shares its volume: looks from time to time whether that has come to its end, since others wait for a session whose client
   * sends nothing just then. Until what it answers is called.
   */
  watchSharedVolumes(): () => void {
    const { clock } = this.#session.host
    const isShared = ({ allocation: { medium } }: LiveCopy): boolean =>
      medium.kind === 'tape' && medium.multiplex !== undefined
    if (!this.#live.some(isShared)) return () => undefined
    let cancel: (() => void) | undefined
    let isOver = false
    const wait = (): void => {
      if (!isOver) cancel = clock.setTimer(lookMs, look)
    }
    const look = (): void => {
      const looked = this.#session.task(this.#each(({ row }) => row?.leaveEnded() ?? nothing))
      // What fails is the session's failure.
      looked.then(wait, () => undefined)
    }
    wait()
    return () => {
      isOver = true
      cancel?.()
    }
  }

  /** Ends the fragments that are open, so that all that was written is durable. */
  cut(): Promise<readonly ImageCopy[]> {
    return this.#each(({ row }) => rowOf(row).cut())
  }

  /** Ends all copies with their last fragments. */
  finish(counts: ImageCounts): Promise<readonly ImageCopy[]> {
    return this.#each(({ row }) => rowOf(row).finish(counts))
  }

  /** Lets go of the media. */
  async unmount(): Promise<void> {
    for (const { medium } of this.#live) await medium?.unmount()
  }

  /** After a failure: lets go of the media, and removes what lies behind the fragments that each copy keeps. */
  async undo(keptOf: (copy: number) => number): Promise<void> {
    for (const copy of this.#live) await this.#remove(copy, keptOf(copy.spec.copy))
  }

  get #first(): FragmentRow {
    return rowOf(this.#live[0]?.row)
  }

  /** Does something for each copy that is written; one that fails at it is left out where that may be. */
  async #each<Result>(work: (copy: LiveCopy) => Promise<Result>): Promise<readonly Result[]> {
    const live = this.#live
    const [only] = live
    if (only !== undefined && live.length === 1) return [await work(only)]
    const results = await Promise.allSettled(live.map(work))
    const done: Result[] = []
    const failed: { readonly copy: LiveCopy; readonly error: NbError }[] = []
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') done.push(result.value)
      else failed.push({ copy: live[index] as LiveCopy, error: asNbError(result.reason) })
    }
    const fatal = failed.find(({ copy, error }) => this.#isFatal(copy, error)) ?? failed[live.length - 1]
    if (fatal !== undefined) throw fatal.error
    for (const { copy, error } of failed) await this.#leaveOut(copy, error)
    return done
  }

  /** A failure that is not of one copy alone, or of one without which the others are not wanted. */
  #isFatal({ spec }: LiveCopy, { code }: NbError): boolean {
    return spec.onFailure !== 'continue' || this.#session.signal.aborted || code === 'archive-corrupt'
  }

  async #leaveOut(copy: LiveCopy, failure: NbError): Promise<void> {
    // Data and list come side by side: the other has found it already.
    if (!this.#live.includes(copy)) return
    if (this.#live.length === 1) throw failure
    const { message, status, details } = failure
    const { host } = this.#session
    const { spec, allocation } = copy
    const { storageUnit } = allocation
    this.#live = this.#live.filter((each) => each !== copy)
    copy.kept?.drop()
    this.#missing.push({ copy: spec.copy, storageUnit, reason: message })
    await this.#session.note({
      component: 'media-writer',
      severity: 'warning',
      text: `copy ${spec.copy} on storage unit ${storageUnit} has failed, the backup goes on without it: ${message}`,
      data: { copy: spec.copy, status },
    })
    if (status === 129) await host.tellSpace({ storageUnit, full: true, ...givenUp(details) })
    await this.#remove(copy, 0)
    await host.tellSpace({ storageUnit })
  }

  async #remove({ spec, store, medium }: LiveCopy, keptFragments: number): Promise<void> {
    const { backupId } = this.#spec.image
    try {
      await medium?.unmount()
      const after = keptFragments === 0 ? {} : { after: keptFragments }
      await store?.removeImage({ backupId, copy: spec.copy, ...after })
    } catch (error) {
      // They are garbage: the try that goes on removes them, or the clean-up of an image that was given up.
      const { sessionId } = this.#session.info
      this.#session.host.logger.error('session %s: fragments are left: %o', sessionId, error)
      await this.#session.note({
        component: 'media-writer',
        severity: 'warning',
        text: `fragments of ${backupId} could not be removed: ${(error as Error).message}`,
      })
    }
  }
}

/** How often a session looks whether the volume that it shares has come to its end, milliseconds. */
const lookMs = 2000

/** What one of the copies was asked for, by its place in the need. */
function needOf(need: MediaNeed, index: number): WriteNeed {
  if (need.kind === 'read') throw new TypeError('a backup writes')
  const { further = [], ...first } = need
  const other = index === 0 ? undefined : further[index - 1]
  return other === undefined ? first : { kind: 'write', ...other }
}

const nothing = Promise.resolve()

function rowOf(row: FragmentRow | undefined): FragmentRow {
  if (row === undefined) throw new TypeError('the copy has no row of fragments')
  return row
}

import {
  type CallOptions,
  type MountedMedium,
  type MountedVolume,
  NbError,
  type TapeDrive,
  throwIfAborted,
} from '@nb/contracts'
import { checkMultiplexedFileOptions } from '../multiplex/create-multiplexed-file.ts'
import { MultiplexGroup } from '../multiplex/multiplex-group.ts'
import type { MultiplexedFileOptions } from '../multiplex/multiplexed-file.ts'
import { OpenVolume, type OpenVolumeComponents } from '../volume-writer/open-volume.ts'
import { SharedMedium } from './shared-medium.ts'

/** A job that wants to write to the volume of its group. */
export interface JoiningJob {
  /** The group's name, as the allocation has it. */
  readonly group: string
  readonly jobId: string
  readonly volumeId: string
  /** Has the volume mounted, for the first of the group. */
  readonly mount: (options: CallOptions) => Promise<MountedVolume>
  /** The volume's drive as it is used; its errors are told to all jobs of the group. */
  readonly driveOf: (mounted: MountedVolume, jobs: () => readonly string[]) => TapeDrive
}

/** What groups work with. */
export interface TapeGroupsParts extends Omit<OpenVolumeComponents, 'drive'> {
  /** How their files are written. */
  readonly multiplexing: MultiplexedFileOptions
}

/** A volume that is shared: mounted for the first of its jobs, closed and given back when the last one has let go. */
interface SharedTape {
  readonly volumeId: string
  /** Jobs that have it or wait for it. */
  readonly jobs: string[]
  /** Nobody waits any more: the mount is given up. */
  readonly abandoned: AbortController
  readonly opened: Promise<OpenTape>
  /** Set when the last one lets go; resolves when the volume was given back. */
  closing?: Promise<void>
}

interface OpenTape {
  readonly mounted: MountedVolume
  readonly volume: OpenVolume
  readonly group: MultiplexGroup
}

/**
 * The volumes that several jobs write to at once, by group. The first job of a group has the volume mounted, the others join; whoever
 * comes while the last one lets go waits, and has it mounted anew. A mount that nobody waits for any more is given up.
 */
export class TapeGroups {
  readonly #parts: TapeGroupsParts
  readonly #tapes = new Map<string, SharedTape>()

  constructor(parts: TapeGroupsParts) {
    this.#parts = { ...parts, multiplexing: checkMultiplexedFileOptions(parts.multiplexing) }
  }

  /** Takes part in a group. Rejects with `media-open-failed` where the group has another volume, and as the mount does. */
  async join(job: JoiningJob, options?: CallOptions): Promise<MountedMedium> {
    throwIfAborted(options)
    const { group, jobId, volumeId } = job
    let tape = this.#tapes.get(group)
    while (tape?.closing !== undefined) {
      await tape.closing
      throwIfAborted(options)
      tape = this.#tapes.get(group)
    }
    tape ??= this.#open(job)
    if (tape.volumeId !== volumeId)
      throw new NbError(
        'media-open-failed',
        `The jobs of group ${group} write to volume ${tape.volumeId}, job ${jobId} was given ${volumeId}.`,
        { retryable: false, details: { group, volumeId, mounted: tape.volumeId } },
      )
    tape.jobs.push(jobId)
    const shared = tape
    let isIn = true
    const leave = async (): Promise<void> => {
      if (!isIn) return
      isIn = false
      await this.#leave(group, shared, jobId)
    }
    try {
      const { group: streams } = await unlessAborted(shared.opened, options)
      return new SharedMedium({ volumeId, group: streams, leave })
    } catch (error) {
      // Of the volume that nobody wanted in the end whoever comes next hears, not who gave up.
      void leave().catch((failure: unknown) => this.#parts.logger.error('group %s: %o', group, failure))
      throw error
    }
  }

  #open(job: JoiningJob): SharedTape {
    const { group, volumeId } = job
    const jobs: string[] = []
    const abandoned = new AbortController()
    const opened = this.#mount(job, () => jobs, abandoned.signal)
    const tape = { volumeId, jobs, abandoned, opened }
    this.#tapes.set(group, tape)
    // Each who waits for it hears of it; who comes then tries anew.
    opened.catch(() => {
      if (this.#tapes.get(group) === tape) this.#tapes.delete(group)
    })
    return tape
  }

  async #mount(job: JoiningJob, jobs: () => readonly string[], signal: AbortSignal): Promise<OpenTape> {
    const mounted = await job.mount({ signal })
    const drive = job.driveOf(mounted, jobs)
    const identity = { volume: mounted.volumeId, generation: mounted.generation }
    const volume = new OpenVolume({ ...this.#parts, drive }, identity)
    const { clock, multiplexing } = this.#parts
    return { mounted, volume, group: new MultiplexGroup({ drive, clock, volume }, multiplexing) }
  }

  async #leave(group: string, tape: SharedTape, jobId: string): Promise<void> {
    tape.jobs.splice(tape.jobs.indexOf(jobId), 1)
    if (tape.jobs.length > 0) return
    tape.abandoned.abort()
    tape.closing = this.#close(tape).finally(() => {
      if (this.#tapes.get(group) === tape) this.#tapes.delete(group)
    })
    await tape.closing
  }

  async #close({ opened }: SharedTape): Promise<void> {
    const tape = await opened.catch(() => undefined)
    if (tape === undefined) return
    try {
      await tape.group.settled().catch((error: unknown) => this.#parts.logger.error('%o', error))
      await tape.volume.close()
    } finally {
      await tape.mounted.unmount()
    }
  }
}

async function unlessAborted<Result>(awaited: Promise<Result>, options?: CallOptions): Promise<Result> {
  const signal = options?.signal
  if (signal === undefined) return awaited
  return new Promise<Result>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    awaited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

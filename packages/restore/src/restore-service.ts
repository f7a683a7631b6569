import {
  type CallOptions,
  type Catalog,
  type Clock,
  type DataChannels,
  type JobLog,
  type JobManager,
  type JobRegistry,
  type Lifecycle,
  type MediaServer,
  type RestorePreview,
  type RestoreRequest,
  type RestoreService,
  type Scheduler,
  NbError,
  asNbError,
  debugLogger,
  isAbortError,
} from '@nb/contracts'
import { checkDestination, checkRequest } from './check-request.ts'
import { type NeededImagePlans, neededImagesInMemory } from './needed-image.ts'
import { planRestore } from './plan.ts'
import { beginRestore, runRestore } from './restore-flow.ts'
import { startUserRun } from './user-run.ts'
import type { RestoreFlowComponents } from './running-restore.ts'

/** What a restore service asks for. */
export interface RestoreServiceComponents {
  readonly catalog: Pick<Catalog, 'getImage' | 'readFileList' | 'treeImages'>
  readonly jobs: Pick<JobManager, 'get'> & JobRegistry
  /** The media servers by name. */
  readonly mediaServers: {
    /** The media server of that name, or `undefined` when none is registered. */
    get(name: string): MediaServer | undefined
  }
  readonly channels: DataChannels
  /** Where the service leaves its lines, usually the job store. */
  readonly log: JobLog
  readonly clock: Clock
  /** The clients by name, to refuse at once what can't be restored to. @default not known here: the job ends with 48 */
  readonly clients?: Pick<ReadonlyMap<string, unknown>, 'has'>
  /** Keeps the needed-image plans of restores from tape while they run. @default in memory */
  readonly neededImages?: NeededImagePlans
  /** Starts the backups and archives that users ask for. @default none; `backup` rejects with `not-supported` */
  readonly scheduler?: Pick<Scheduler, 'runForUser'>
}

/** Options of {@link createRestoreService}. */
export interface RestoreServiceOptions {
  /**
   * How long a media server may be silent before the restores that it carries out end with 2826, milliseconds, at least 1000. What it does goes on
   * meanwhile. @default 600000
   */
  readonly silenceMs?: number
}

type Submitted = ReturnType<RestoreService['submit']>

/**
 * Takes restore requests, plans them and runs their flow.
 *
 * A request is `beginning` (steps 1–3), then `running` (4–17), then only its job knows of it; under one id at most one
 * is in either state. A restore lives in this process: when it stops, running restores end with 803, and what a killed
 * process left is ended by the job manager's recovery with 63. What is half-written then is the client's to remove.
 */
export function createRestoreService(
  components: RestoreServiceComponents,
  { silenceMs = 600_000 }: RestoreServiceOptions = {},
): RestoreService & Required<Lifecycle> {
  if (!(silenceMs >= 1000)) throw new TypeError(`silenceMs must be at least 1000, not ${silenceMs}`)
  const flow: RestoreFlowComponents = {
    ...components,
    jobLog: components.log,
    neededImages: components.neededImages ?? neededImagesInMemory(),
    log: debugLogger('nb:restore:flow'),
    silenceMs,
  }
  let stopping = new AbortController()
  const beginning = new Map<string, Submitted>()
  const running = new Map<string, { readonly jobId: string; readonly done: Promise<void> }>()

  const begin = async (input: RestoreRequest, { signal }: CallOptions): Submitted => {
    const lifeSignal = stopping.signal
    const signals = signal === undefined ? [lifeSignal] : [lifeSignal, signal]
    const restore = await beginRestore(flow, checkRequest(input), { signal: AbortSignal.any(signals) })
    const { jobId } = restore
    if (await isOver(components.jobs, jobId)) {
      await flow.neededImages.remove(input.requestId)
      return { jobId }
    }
    const done = runRestore(flow, { ...restore, signal: lifeSignal }).finally(() =>
      running.delete(input.requestId),
    )
    running.set(input.requestId, { jobId, done })
    return { jobId }
  }
  const submit: RestoreService['submit'] = async (input, options = {}) => {
    stopping.signal.throwIfAborted()
    options.signal?.throwIfAborted()
    const known = running.get(input.requestId)
    if (known !== undefined) return { jobId: known.jobId }
    const begun = beginning.get(input.requestId)
    if (begun !== undefined) {
      // Whoever asked first may have given up; whoever asks now has not.
      return begun.catch((error: unknown) => {
        if (isAbortError(error)) return submit(input, options)
        throw error
      })
    }
    const fresh = begin(input, options).finally(() => beginning.delete(input.requestId))
    beginning.set(input.requestId, fresh)
    return fresh
  }
  return {
    start: async () => {
      if (stopping.signal.aborted) stopping = new AbortController()
      // No restore outlives its process.
      if (running.size + beginning.size === 0) await flow.neededImages.clear()
    },
    stop: async () => {
      stopping.abort(new NbError('manager-stopping', 'the restore service is ending'))
      await Promise.allSettled(beginning.values())
      await Promise.all([...running.values()].map(({ done }) => done))
    },
    submit,
    backup: async (input, options) => startUserRun(components, input, options),
    preview: async (input, options): Promise<RestorePreview> => {
      const plan = await planRestore(components, checkRequest(input), options)
      checkDestination(components, input)
      return {
        backupId: plan.images[0].backupId,
        entries: plan.entries,
        bytes: plan.bytes,
        images: plan.groups.flatMap(({ storageUnit, sources }) =>
          sources.map(({ backupId, entries, bytes }) => ({ backupId, storageUnit, entries, bytes })),
        ),
      }
    },
  }
}

/**
 * Whether the job has ended: a request id that was used before answers with its old job. A job of which that can't be
 * learnt must not stay without an owner, so it ends; the first status of one that had ended stays.
 */
async function isOver(jobs: RestoreServiceComponents['jobs'], jobId: string): Promise<boolean> {
  try {
    return (await jobs.get({ jobId }))?.state === 'done'
  } catch (error) {
    const { status, message } = asNbError(error)
    await jobs.finish({ jobId, status, statusText: message })
    throw error
  }
}

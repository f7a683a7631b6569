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
  NbError,
  debugLogger,
} from '@nb/contracts'
import { checkRequest } from './check-request.ts'
import { planRestore } from './plan.ts'
import { type RestoreFlowComponents, beginRestore, runRestore } from './restore-flow.ts'

/** What a restore service asks for. */
export interface RestoreServiceComponents {
  readonly catalog: Catalog
  readonly jobs: Pick<JobManager, 'get'> & JobRegistry
  /** The media servers by name. */
  readonly mediaServers: { get(name: string): MediaServer | undefined }
  readonly channels: DataChannels
  /** Where the service leaves its lines, usually the job store. */
  readonly log: JobLog
  readonly clock: Clock
}

/**
 * Takes restore requests, plans them and runs their flow.
 *
 * A restore lives in this process: when it ends, running restores end with 803, and what a killed process left is ended
 * by the job manager's recovery with 63. Nothing half-written stays at the client in either case.
 */
export function createRestoreService(
  components: RestoreServiceComponents,
): RestoreService & Required<Lifecycle> {
  const flow: RestoreFlowComponents = {
    ...components,
    jobLog: components.log,
    log: debugLogger('nb:restore:flow'),
  }
  const stopping = new AbortController()
  const running = new Map<string, { readonly jobId: string; readonly done: Promise<void> }>()
  const beginning = new Map<string, Promise<{ readonly jobId: string }>>()

  const begin = async (
    request: RestoreRequest,
    options?: CallOptions,
  ): Promise<{ readonly jobId: string }> => {
    checkRequest(request)
    const restore = await beginRestore(flow, request, options)
    // A request id that was used before answers with its old job, which may have ended long ago.
    if ((await components.jobs.get({ jobId: restore.jobId }))?.state === 'done')
      return { jobId: restore.jobId }
    const done = runRestore(flow, { ...restore, signal: stopping.signal }).finally(() =>
      running.delete(request.requestId),
    )
    running.set(request.requestId, { jobId: restore.jobId, done })
    return { jobId: restore.jobId }
  }
  return {
    start: () => Promise.resolve(),
    stop: async () => {
      stopping.abort(new NbError('manager-stopping', 'the restore service is ending'))
      await Promise.allSettled(beginning.values())
      await Promise.all([...running.values()].map(({ done }) => done))
    },
    submit: (input, options) => {
      if (stopping.signal.aborted) return Promise.reject(stopping.signal.reason as NbError)
      const known = running.get(input.requestId)
      if (known !== undefined) return Promise.resolve({ jobId: known.jobId })
      const begun = beginning.get(input.requestId)
      if (begun !== undefined) return begun
      const fresh = begin(input, options).finally(() => beginning.delete(input.requestId))
      beginning.set(input.requestId, fresh)
      return fresh
    },
    preview: async (input, options): Promise<RestorePreview> => {
      checkRequest(input)
      const plan = await planRestore(components, input, options)
      return {
        backupId: plan.image.backupId,
        entries: plan.entries,
        bytes: plan.bytes,
        images: plan.groups.flatMap(({ storageUnit, sources }) =>
          sources.map(({ backupId, entries, bytes }) => ({ backupId, storageUnit, entries, bytes })),
        ),
      }
    },
  }
}

import { randomUUID } from 'node:crypto'
import {
  counted,
  debugLogger,
  NbError,
  pathToBytes,
  throwIfAborted,
  type BackupRunSpec,
  type CallOptions,
  type ClientAgent,
  type Clock,
  type DataChannel,
  type DataChannels,
  type JobLog,
  type Lifecycle,
  type Logger,
  type LocalFileSystem,
  type Path,
  type ReaderCheckpoint,
  type RemovalRunSpec,
  type RestoreRunSpec,
  type RunProgress,
  type RunResult,
} from '@nb/contracts'
import { compressionUnsupported } from '@nb/formats'
import { ClientRun, orAborted } from './client-run.ts'
import { noExtractionState } from './extractor/extraction-state.ts'
import { startExtractorSession } from './extractor/extractor-session.ts'
import { JobLines } from './job-lines.ts'
import { localFileSystems } from './local-file-systems.ts'
import { RestoreNotes } from './restore-notes.ts'
import { startReaderSession } from './reader-session.ts'
import { startRemovalSession } from './removal/removal-session.ts'
import { LateEndScripts } from './scripts/late-end-scripts.ts'
import { NotifyScripts, type ScriptOptions } from './scripts/notify-scripts.ts'
import { type RunOutcome, type ScriptedWork, withScripts } from './scripts/with-scripts.ts'
import { WaitingRestores } from './waiting-restores.ts'
import { withChannels } from './with-channels.ts'
import { WorkerThreads, type WorkerListener } from './worker-threads.ts'

/** What a client agent works with. */
export interface ClientAgentComponents {
  /** Opens the channels of a run's tickets. */
  readonly channels: DataChannels
  /** Takes the warnings of runs. */
  readonly log: JobLog
  /** Dates log lines and ends what is kept for a while. */
  readonly clock: Clock
  /** @default debugLogger('nb:transfer:client-agent') */
  readonly logger?: Logger
}

/** Options of a client agent. */
export interface ClientAgentOptions {
  /**
   * Files and directories that are never backed up, with all below, such as the state of the backup system itself.
   * Absolute; recognised by what they are, so a link or another mount that leads there changes nothing. @default none
   */
  readonly neverPaths?: readonly (Path | string)[]
  /** Warnings and notes of one run that are listed in its job's log; the rest is counted. 0 or more. @default 1000 */
  readonly listedWarnings?: number
  /** How long the result of a run that has ended is kept, milliseconds. @default 600000 */
  readonly keepResultsMs?: number
  /**
   * Scripts that run before a backup is read and after; only this host names them. A restart of the agent ends those that
   * run. @default none
   */
  readonly scripts?: ScriptOptions
  /** How long what one group of a restore leaves to the next is kept, milliseconds. @default 86400000 */
  readonly keepRestoreStateMs?: number
  /**
   * Folder of notes about restores under way, made when the first one begins. With it the next start of the agent removes the
   * unfinished files that a killed one has left at its target. One agent at a time uses it. @default none; they stay
   */
  readonly restoreNotes?: string
  /**
   * Whether a thread that reads and extracts is ready before there is work, so that a backup or restore begins at once. It takes some 15 MiB while nothing is
   * done, and a tenth of a second at the start of the agent. @default false
   */
  readonly readerReady?: boolean
}

/** A client agent on this host, with its life. */
export type LocalClientAgent = ClientAgent & Required<Lifecycle>

/**
 * Makes the agent that reads and writes files on this host: each run in a thread of its own.
 *
 * Errors of runs, in their result: `source-missing` (71), `source-unreadable` (2), `argument-invalid` (20),
 * `file-list-corrupt` (229), `archive-corrupt` (92), `target-exists` (5), `target-unsafe` (5), `restore-failed` (5),
 * `start-notify-failed` (73), `start-notify-timeout` (74), `end-notify-timeout` (75),
 * `disk-full` (155), `not-supported` (228), `state-conflict` (228), `channel-broken` (23), `session-killed` (63).
 */
export function createClientAgent(
  components: ClientAgentComponents,
  options: ClientAgentOptions = {},
): LocalClientAgent {
  return new Agent(components, options)
}

class Agent implements LocalClientAgent {
  readonly #components: ClientAgentComponents
  readonly #options: Required<Pick<ClientAgentOptions, 'neverPaths' | 'listedWarnings' | 'keepResultsMs'>>
  readonly #logger: Logger
  readonly #threads: WorkerThreads
  readonly #runs = new Map<string, ClientRun>()
  readonly #waiting: WaitingRestores
  readonly #restoring = new Set<string>()
  readonly #scripts: NotifyScripts | undefined
  readonly #lateEnds: LateEndScripts
  readonly #notes: RestoreNotes | undefined
  #isStopped = false

  constructor(components: ClientAgentComponents, options: ClientAgentOptions) {
    const {
      neverPaths = [],
      listedWarnings = 1000,
      keepResultsMs = 600_000,
      keepRestoreStateMs = 86_400_000,
    } = options
    this.#components = components
    this.#options = { neverPaths, listedWarnings, keepResultsMs }
    this.#scripts = options.scripts === undefined ? undefined : new NotifyScripts(options.scripts)
    this.#lateEnds = new LateEndScripts(this.#scripts, components.clock)
    this.#waiting = new WaitingRestores(components.clock, keepRestoreStateMs)
    this.#threads = new WorkerThreads(
      components.clock,
      options.readerReady === true ? { ready: ['reader'] } : {},
    )
    this.#logger = components.logger ?? debugLogger('nb:transfer:client-agent')
    const { log, clock } = components
    this.#notes =
      options.restoreNotes === undefined
        ? undefined
        : new RestoreNotes(options.restoreNotes, { log, clock, logger: this.#logger })
  }

  async start(): Promise<void> {
    await this.#notes?.sweepAll((runId) => this.#runs.get(runId)?.isOver === false)
    this.#isStopped = false
    await this.#threads.start()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const run of this.#runs.values()) run.abort('the client agent is being stopped')
    await Promise.all([...this.#runs.values()].map((run) => run.result))
    await this.#lateEnds.stop()
    this.#waiting.clear()
    await this.#threads.stop()
  }

  async startBackup(spec: BackupRunSpec, options?: CallOptions): Promise<{ readonly runId: string }> {
    throwIfAborted(options)
    if (spec.walk.roots.length === 0)
      throw new NbError('argument-invalid', 'A backup needs at least one selection.')
    return this.#begin((run) => this.#backup(run, spec))
  }

  async startRestore(spec: RestoreRunSpec, options?: CallOptions): Promise<{ readonly runId: string }> {
    throwIfAborted(options)
    if (this.#restoring.has(spec.restoreId)) {
      throw new NbError(
        'state-conflict',
        `A group of restore ${spec.restoreId} is still being extracted; wait for it.`,
      )
    }
    this.#restoring.add(spec.restoreId)
    return this.#begin((run) =>
      this.#restore(run, spec).finally(() => {
        this.#restoring.delete(spec.restoreId)
      }),
    )
  }

  async fileSystems(_: Record<string, never>, options?: CallOptions): Promise<readonly LocalFileSystem[]> {
    throwIfAborted(options)
    return localFileSystems()
  }

  async startRemoval(spec: RemovalRunSpec, options?: CallOptions): Promise<{ readonly runId: string }> {
    throwIfAborted(options)
    return this.#begin((run) => this.#remove(run, spec))
  }

  async *checkpoints(
    input: { readonly runId: string },
    options?: CallOptions,
  ): AsyncIterable<ReaderCheckpoint> {
    yield* this.#run(input.runId).checkpoints(options)
  }

  async goOn(
    input: { readonly runId: string; readonly entries: number },
    options?: CallOptions,
  ): Promise<void> {
    throwIfAborted(options)
    this.#run(input.runId).goOn(input.entries)
  }

  async waitRun(input: { readonly runId: string }, options?: CallOptions): Promise<RunResult> {
    return orAborted(this.#run(input.runId).result, options?.signal)
  }

  async *progress(input: { readonly runId: string }, options?: CallOptions): AsyncIterable<RunProgress> {
    yield* this.#run(input.runId).progress(options)
  }

  async abortRun(
    input: { readonly runId: string; readonly reason: string },
    options?: CallOptions,
  ): Promise<void> {
    const run = this.#runs.get(input.runId)
    if (run === undefined) return
    run.abort(input.reason)
    await orAborted(run.result, options?.signal)
  }

  #run(runId: string): ClientRun {
    const run = this.#runs.get(runId)
    if (run === undefined)
      throw new NbError('session-unknown', `There is no run ${runId} on this client (any more).`)
    return run
  }

  #begin(work: (run: ClientRun) => Promise<RunOutcome>): { readonly runId: string } {
    if (this.#isStopped)
      throw new NbError('state-conflict', 'The client agent is stopped.', { retryable: true })
    const runId = randomUUID()
    const run = new ClientRun(runId, work)
    this.#runs.set(runId, run)
    void run.result.then((result) => {
      this.#logger('run %s ended with status %d', runId, result.status)
      this.#components.clock.setTimer(this.#options.keepResultsMs, () => this.#runs.delete(runId))
    })
    return { runId }
  }

  async #backup(run: ClientRun, spec: BackupRunSpec): Promise<RunOutcome> {
    const lines = this.#lines(spec.jobId)
    mustCompress(spec.compression)
    const { data, metadata, reference } = spec
    const tickets = { data, metadata, ...(reference === undefined ? {} : { reference: reference.ticket }) }
    return withChannels(this.#components.channels, tickets, async (channels) => {
      run.throwIfEnded()
      const work: ScriptedWork = {
        scripts: this.#scripts,
        backup: spec,
        surroundings: {
          clock: this.#components.clock,
          line: (severity, text) => lines.line(severity, text),
          onRunning: (scriptMs) => run.noteScript(scriptMs),
          hold: (session) => run.hold(session),
        },
        throwIfEnded: () => run.throwIfEnded(),
        afterwards: (status) => this.#lateEnds.begin(spec, status, this.#lines(spec.jobId)),
      }
      try {
        return await withScripts(work, () => this.#read(run, spec, channels, lines))
      } finally {
        await lines.finish()
      }
    })
  }

  async #read(
    run: ClientRun,
    spec: BackupRunSpec,
    { data, metadata, reference }: Readonly<Record<string, DataChannel>>,
    lines: JobLines,
  ): Promise<RunOutcome> {
    const { walk } = spec
    const session = startReaderSession(
      this.#threads,
      {
        backupId: spec.backupId,
        referenceId: spec.reference?.backupId,
        roots: walk.roots.map((path) => pathToBytes(path)),
        exclude: walk.exclude,
        include: walk.include,
        crossMountPoints: walk.crossMountPoints,
        digest: spec.digest,
        neverPaths: this.#neverPaths(),
        checkpointIntervalMs: spec.checkpointIntervalMs,
        resumeFrom: spec.resumeFrom,
      },
      spec.compression,
      { data: data as DataChannel, metadata: metadata as DataChannel, reference },
      {
        ...listenerOf(run, lines),
        onCheckpoint: (checkpoint) => run.noteCheckpoint(checkpoint, () => session.goOn()),
      },
    )
    const { counts, streamBytes, fileList, warnings } = await run.hold(session).result
    const { entries, storedEntries, bytes } = counts
    lines.info(
      `read ${counted(entries, 'entry', 'entries')}, stored ${storedEntries} of them: ${streamBytes} bytes of archive`,
    )
    return {
      status: warnings > 0 ? 1 : 0,
      warnings,
      sent: { counts: { entries, storedEntries, bytes, streamBytes, warnings }, fileList },
    }
  }

  async #restore(run: ClientRun, spec: RestoreRunSpec): Promise<RunOutcome> {
    const lines = this.#lines(spec.jobId)
    const before = this.#waiting.take(spec.restoreId)
    const tickets = { plan: spec.plan, data: spec.data }
    return withChannels(this.#components.channels, tickets, async ({ plan, data }) => {
      run.throwIfEnded()
      const session = startExtractorSession(
        this.#threads,
        {
          root: pathToBytes(spec.target.root),
          ifExists: spec.target.ifExists,
          last: spec.last,
          state: before ?? noExtractionState,
          ...(this.#notes === undefined
            ? {}
            : { note: { path: this.#notes.pathOf(run.id), jobId: spec.jobId } }),
        },
        { plan: plan as DataChannel, data: data as DataChannel },
        listenerOf(run, lines),
      )
      try {
        const { entries, bytes, skipped, warnings, state } = await run.hold(session).result
        if (!spec.last) this.#waiting.keep(spec.restoreId, state)
        lines.info(
          `restored ${counted(entries, 'entry', 'entries')}, ${bytes} bytes; left ${skipped} as they were`,
        )
        return { status: warnings > 0 ? 1 : 0, warnings, restored: { entries, bytes, skipped } }
      } finally {
        // Its thread runs no more: a note that is there is one of a thread that crashed.
        await this.#notes?.sweep(run.id)
        await lines.finish()
      }
    })
  }

  async #remove(run: ClientRun, { jobId, backupId, list: ticket }: RemovalRunSpec): Promise<RunOutcome> {
    const lines = this.#lines(jobId)
    return withChannels(this.#components.channels, { list: ticket }, async ({ list }) => {
      run.throwIfEnded()
      const spec = { backupId, neverPaths: this.#neverPaths() }
      const session = startRemovalSession(this.#threads, spec, list as DataChannel, listenerOf(run, lines))
      try {
        const { removed, kept, warnings } = await run.hold(session).result
        lines.info(`removed ${counted(removed, 'entry', 'entries')} that ${backupId} holds; left ${kept}`)
        return { status: kept > 0 ? 1 : 0, warnings, removed: { removed, kept } }
      } finally {
        await lines.finish()
      }
    })
  }

  #neverPaths(): readonly Uint8Array[] {
    return this.#options.neverPaths.map((path) => pathToBytes(path as Path))
  }

  #lines(jobId: string): JobLines {
    const { log, clock } = this.#components
    return new JobLines({ log, clock, logger: this.#logger }, { jobId, limit: this.#options.listedWarnings })
  }
}

function mustCompress(compression: BackupRunSpec['compression']): void {
  const why = compression === undefined ? undefined : compressionUnsupported(compression)
  if (why !== undefined)
    throw new NbError('not-supported', `This client can't compress as its policy says: ${why}.`)
}

function listenerOf(run: ClientRun, lines: JobLines): WorkerListener {
  return {
    onProgress: (progress) => run.noteProgress(progress),
    onWarnings: (warnings) => lines.warnings(warnings),
  }
}

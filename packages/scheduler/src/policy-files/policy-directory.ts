import { isDeepStrictEqual } from 'node:util'
import {
  type Clock,
  type Files,
  type Lifecycle,
  type Observable,
  type Scheduler,
  type SchedulerEvents,
  type Store,
  SerialQueue,
  createEmitter,
  debugLogger,
} from '@nb/contracts'
import { DirectoryLook, policyFile } from './directory-look.ts'
import { createDirectoryMemory } from './directory-memory.ts'
import type { FileProblem } from './file-problem.ts'

/** What a policy directory asks for. */
export interface PolicyDirectoryComponents {
  readonly scheduler: Pick<
    Scheduler,
    'putPolicy' | 'getPolicy' | 'removePolicy' | 'policies' | 'putRetentionLevel' | 'retentionLevels'
  > &
    Observable<SchedulerEvents>
  readonly files: Files
  readonly clock: Clock
  /** Remembers which policy came from which file, so that a file that went away while nothing ran is noticed. */
  readonly store: Store
}

/** How a policy directory works. */
export interface PolicyDirectoryOptions {
  /** Folder of the policy files, absolute; it is made when it is not there. */
  readonly directory: string
  /** How often the folder is looked through for changes, milliseconds, 100–3600000. @default 5000 */
  readonly pollMs?: number
}

/** What a look through the folder has done. */
export interface PolicyDirectoryReport {
  /** Names of policies that were taken from their files. */
  readonly applied: readonly string[]
  /** Names of policies whose file had gone. */
  readonly removed: readonly string[]
  /** Files that were written, or removed, because a policy was changed through the port. */
  readonly written: readonly string[]
  /** What is wrong now: nothing of such a file is applied, what it said before stays. */
  readonly problems: readonly FileProblem[]
  /** What is to be told of files that count: a retention period that no level has now. */
  readonly warnings: readonly FileProblem[]
}

/** Events of a policy directory. */
export interface PolicyDirectoryEvents {
  /** When a look through the folder has changed something or found other problems than before. */
  'directory:loaded': PolicyDirectoryReport
}

/** Keeps policies and their files the same. */
export interface PolicyDirectory extends Required<Lifecycle>, Observable<PolicyDirectoryEvents> {
  /** Looks through the folder now. */
  reload(): Promise<PolicyDirectoryReport>
}

/** How often a look begins anew at once because a file was saved while it was written. */
const mostTurns = 3

/**
 * A folder with one policy a file, YAML or JSON, kept the same as the scheduler's policies in both directions; and with the
 * retention table, `retention-levels.yaml`.
 *
 * A file that is new or was edited changes its policy; one that is bad changes nothing, and is reported. A policy that was
 * changed through the port is written to its file; a new one gets a file of its name. A file that went away takes its policy
 * with it, but a folder without any policy file is taken for one that is not there now, and removes nothing. Where both
 * sides changed, neither is overwritten: the scheduler's policy stays, is written beside the file as `FILE.stored`, and the
 * next edit of the file counts. What is saved while a file is written is never replaced unseen.
 */
export function createPolicyDirectory(
  { scheduler, files, clock, store }: PolicyDirectoryComponents,
  { directory, pollMs = 5000 }: PolicyDirectoryOptions,
): PolicyDirectory {
  const log = debugLogger('nb:scheduler:policy-files')
  const events = createEmitter<PolicyDirectoryEvents>(log)
  const memory = createDirectoryMemory(store)
  const work = new SerialQueue()
  let cancelTimer: () => void = () => {}
  let stopped = true
  let seen = ''
  let lastProblems: readonly FileProblem[] = []
  let lastWarnings: readonly FileProblem[] = []
  const pathOf = (file: string): string => `${directory}/${file}`

  const look = async (): Promise<PolicyDirectoryReport> => {
    // Taken before: what changes while this looks is looked at again.
    const before = await signature()
    const applied: string[] = []
    const removed: string[] = []
    const written: string[] = []
    let run: DirectoryLook
    let turn = 0
    do {
      run = new DirectoryLook({
        scheduler,
        files,
        memory,
        directory,
        log,
        clock,
        unseenMs: 2 * pollMs,
      })
      await run.run()
      applied.push(...run.applied)
      removed.push(...run.removed)
      written.push(...run.written)
    } while (run.isOutdated && ++turn < mostTurns)
    seen = run.isOutdated ? '' : before
    const { problems, warnings } = run
    const report = { applied, removed, written, problems, warnings }
    const isNews =
      applied.length + removed.length + written.length > 0 ||
      !isDeepStrictEqual([problems, warnings], [lastProblems, lastWarnings])
    lastProblems = problems
    lastWarnings = warnings
    if (isNews) events.emit('directory:loaded', report)
    return report
  }
  /** Names, sizes and times of all files: it changes when one of them does. */
  const signature = async (): Promise<string> => {
    const parts: string[] = []
    for (const name of await files.list(directory)) {
      if (!policyFile.test(name)) continue
      const stat = await files.stat(pathOf(name))
      if (stat !== undefined) parts.push(`${name} ${stat.sizeBytes} ${stat.modifiedAt}`)
    }
    return parts.join('\n')
  }
  const poll = async (): Promise<void> => {
    try {
      if ((await signature()) !== seen) await look()
    } catch (error) {
      log.error('%s: %o', directory, error)
    }
  }
  const wake = (): void => {
    if (!stopped) cancelTimer = clock.setTimer(pollMs, () => void work.run(poll).then(wake))
  }
  const onChange = (): void =>
    void work.run(look).catch((error: unknown) => log.error('%s: %o', directory, error))
  return {
    on: events.on,
    once: events.once,
    off: events.off,
    start: async () => {
      if (!stopped) return
      stopped = false
      await files.makeDirectory(directory)
      await files.syncDirectory(directory.slice(0, directory.lastIndexOf('/')) || '/')
      await work.run(look)
      scheduler.on('policy:changed', onChange)
      scheduler.on('retention:changed', onChange)
      wake()
    },
    stop: async () => {
      stopped = true
      cancelTimer()
      scheduler.off('policy:changed', onChange)
      scheduler.off('retention:changed', onChange)
      await work.settled()
      cancelTimer()
    },
    reload: () => work.run(look),
  }
}

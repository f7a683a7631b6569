import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  type Clock,
  type Files,
  type Lifecycle,
  type Observable,
  type Policy,
  type RetentionLevel,
  type Scheduler,
  type SchedulerEvents,
  type Store,
  type StoredPolicy,
  SerialQueue,
  asNbError,
  createEmitter,
  debugLogger,
  replaceFile,
} from '@nb/contracts'
import type { FileProblem } from './file-problem.ts'
import { printPolicy, updatePolicyText, withoutGeneration } from './print-policy.ts'
import { readPolicy } from './read-policy.ts'
import { readRetentionLevels } from './retention-file.ts'

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

/** Which file a policy was last the same as, and of which generation. */
interface Known {
  readonly file: string
  readonly hash: string
  readonly generation: number
}

interface ReadFile {
  readonly file: string
  readonly text: string
  readonly hash: string
  readonly policy?: Policy
}

const policyFile = /^[^.].*\.(ya?ml|json)$/
const retentionFile = /^retention-levels\.(ya?ml|json)$/

/**
 * A folder with one policy a file, YAML or JSON, kept the same as the scheduler's policies in both directions.
 *
 * A file that is new or was edited changes its policy; one that is bad changes nothing, and is reported. A policy that was
 * changed through the port is written to its file; a new one gets a file of its name. A file that went away takes its policy
 * with it, but a folder without any policy file is taken for one that is not there now, and removes nothing. Where both sides changed, neither is overwritten: the scheduler's policy stays, is written beside the file as
 * `FILE.stored`, and the next edit of the file counts.
 */
export function createPolicyDirectory(
  { scheduler, files, clock, store }: PolicyDirectoryComponents,
  { directory, pollMs = 5000 }: PolicyDirectoryOptions,
): PolicyDirectory {
  const log = debugLogger('nb:scheduler:policy-files')
  const events = createEmitter<PolicyDirectoryEvents>(log)
  const known = store.sublevel<string, Known>('policy-files', { valueEncoding: 'json' })
  const work = new SerialQueue()
  let cancelTimer: () => void = () => {}
  let stopped = true
  let seen = ''
  let lastProblems: readonly FileProblem[] = []

  const remember = (name: string, entry: Known): Promise<void> =>
    known.put(name, entry, { sync: true } as object)
  const pathOf = (file: string): string => `${directory}/${file}`

  /** One look through the folder: what it has found and done so far. */
  class Look {
    readonly applied: string[] = []
    readonly removed: string[] = []
    readonly written: string[] = []
    readonly problems: FileProblem[] = []
    readonly #names: ReadonlySet<string>
    #levels: readonly RetentionLevel[] = []

    constructor(names: readonly string[]) {
      this.#names = new Set(names)
    }

    async run(): Promise<void> {
      for (const file of this.#names) if (retentionFile.test(file)) await this.#applyLevels(file)
      this.#levels = await scheduler.retentionLevels({})
      const read: ReadFile[] = []
      for (const file of this.#names) {
        if (policyFile.test(file) && !retentionFile.test(file)) read.push(...(await this.#read(file)))
      }
      const byName = this.#byName(read)
      for (const each of byName.values()) await this.#guarded(each.file, () => this.#applyFile(each))
      if (read.length === 0 && (await known.keys({ limit: 1 }).all()).length > 0) {
        return this.#problem(
          '',
          '',
          `${directory} has no policy file any more; all policies stay as they are`,
        )
      }
      for await (const [name, entry] of known.iterator()) {
        const holds = read.find(({ file }) => file === entry.file)
        const isGone =
          !this.#names.has(entry.file) || (holds?.policy !== undefined && holds.policy.name !== name)
        if (isGone) await this.#guarded(entry.file, () => this.#removeGone(name, entry))
      }
      for await (const stored of scheduler.policies({})) {
        if ((await known.get(stored.name)) === undefined) await this.#writeNew(stored)
      }
    }

    async #applyLevels(file: string): Promise<void> {
      const text = (await files.readFile(pathOf(file)))?.toString('utf8') ?? ''
      const { levels, problems } = readRetentionLevels(text, file)
      this.problems.push(...problems)
      if (problems.length > 0) return
      const present = await scheduler.retentionLevels({})
      for (const row of levels) {
        if (present.find(({ level }) => level === row.level)?.periodMs === row.periodMs) continue
        await this.#guarded(file, () => scheduler.putRetentionLevel(row))
      }
    }

    async #read(file: string): Promise<ReadFile[]> {
      const content = await files.readFile(pathOf(file))
      if (content === undefined) return []
      const text = content.toString('utf8')
      const { policy, problems } = readPolicy(text, { file, retentionLevels: this.#levels })
      this.problems.push(...problems)
      return [{ file, text, hash: hashOf(text), ...(policy === undefined ? {} : { policy }) }]
    }

    /** The good files by policy; of two that hold one policy the first by name counts. */
    #byName(read: readonly ReadFile[]): Map<string, ReadFile & { readonly policy: Policy }> {
      const byName = new Map<string, ReadFile & { readonly policy: Policy }>()
      for (const each of read) {
        const { policy } = each
        if (policy === undefined) continue
        const other = byName.get(policy.name)
        if (other === undefined) byName.set(policy.name, { ...each, policy })
        else
          this.#problem(
            each.file,
            'name',
            `is "${policy.name}", which ${other.file} holds; each policy has one file`,
          )
      }
      return byName
    }

    async #applyFile({ file, text, hash, policy }: ReadFile & { readonly policy: Policy }): Promise<void> {
      const entry = await known.get(policy.name)
      const stored = await scheduler.getPolicy({ name: policy.name })
      const isEdited = entry?.hash !== hash
      const isChanged = entry !== undefined && stored?.generation !== entry.generation
      if (stored !== undefined && isDeepStrictEqual(withoutGeneration(stored), policy)) {
        if (entry?.file === file && !isEdited && !isChanged) return
        return remember(policy.name, { file, hash, generation: stored.generation })
      }
      if (!isEdited && stored === undefined) return this.#dropFile(policy.name, file)
      if (!isEdited && !isChanged) return
      if (!isEdited && stored !== undefined) return this.#writeChanged(file, text, stored)
      if (isChanged && stored !== undefined) return this.#conflict(file, hash, stored)
      const put = await scheduler.putPolicy({ policy, generation: stored?.generation ?? 0 })
      this.applied.push(policy.name)
      await remember(policy.name, { file, hash, generation: put.generation })
    }

    /** Removed through the port: the file goes too. */
    async #dropFile(name: string, file: string): Promise<void> {
      await files.remove(pathOf(file))
      await files.syncDirectory(directory)
      await known.del(name, { sync: true } as object)
      this.written.push(file)
    }

    async #writeChanged(file: string, text: string, stored: StoredPolicy): Promise<void> {
      const levels = { retentionLevels: this.#levels }
      const updated = updatePolicyText(text, withoutGeneration(stored), {
        file,
        format: formatOf(file),
        ...levels,
      })
      await this.#write(file, updated, stored)
    }

    async #writeNew(stored: StoredPolicy): Promise<void> {
      const file = `${stored.name}.yaml`
      // A file of that name that is bad, or holds another policy, is not ours to replace.
      if (this.#names.has(file)) {
        if (!this.problems.some((problem) => problem.file === file))
          this.#problem(file, '', `holds another policy, so that policy ${stored.name} has no file`)
        return
      }
      await this.#write(
        file,
        printPolicy(withoutGeneration(stored), { retentionLevels: this.#levels }),
        stored,
      )
    }

    async #write(file: string, text: string, { name, generation }: StoredPolicy): Promise<void> {
      await replaceFile(files, pathOf(file), Buffer.from(text, 'utf8'))
      await remember(name, { file, hash: hashOf(text), generation })
      this.written.push(file)
    }

    async #conflict(file: string, hash: string, stored: StoredPolicy): Promise<void> {
      const text = printPolicy(withoutGeneration(stored), { retentionLevels: this.#levels })
      await replaceFile(files, pathOf(`${file}.stored`), Buffer.from(text, 'utf8'))
      await remember(stored.name, { file, hash, generation: stored.generation })
      this.#problem(
        file,
        '',
        `was edited while policy ${stored.name} was changed otherwise (generation ${stored.generation}); that stays and is in ${file}.stored: put both together and save the file again`,
      )
    }

    async #removeGone(name: string, entry: Known): Promise<void> {
      const stored = await scheduler.getPolicy({ name })
      const isChanged = stored !== undefined && stored.generation !== entry.generation
      if (stored !== undefined && !isChanged) {
        await scheduler.removePolicy({ name })
        this.removed.push(name)
      }
      if (isChanged)
        this.#problem(
          entry.file,
          '',
          `went away while policy ${name} was changed otherwise; the policy stays`,
        )
      await known.del(name, { sync: true } as object)
    }

    async #guarded(file: string, act: () => Promise<void>): Promise<void> {
      try {
        await act()
      } catch (error) {
        log.error('%s: %o', file, error)
        this.#problem(file, '', asNbError(error).message)
      }
    }

    #problem(file: string, field: string, message: string): void {
      this.problems.push({ file, line: 1, column: 1, field, message })
    }
  }

  const look = async (): Promise<PolicyDirectoryReport> => {
    // Taken before: what changes while this looks is looked at again.
    const before = await signature()
    const names = await files.list(directory)
    const run = new Look(names)
    await run.run()
    seen = before
    const { applied, removed, written, problems } = run
    const report = { applied, removed, written, problems }
    const isNews = applied.length + removed.length + written.length > 0
    if (isNews || !isDeepStrictEqual(problems, lastProblems)) events.emit('directory:loaded', report)
    lastProblems = problems
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
      wake()
    },
    stop: async () => {
      stopped = true
      cancelTimer()
      scheduler.off('policy:changed', onChange)
      await work.settled()
      cancelTimer()
    },
    reload: () => work.run(look),
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function formatOf(file: string): 'json' | 'yaml' {
  return file.endsWith('.json') ? 'json' : 'yaml'
}

import { isDeepStrictEqual } from 'node:util'
import {
  type Clock,
  type Files,
  type Logger,
  type Policy,
  type RetentionLevel,
  type Scheduler,
  type StoredPolicy,
  asNbError,
  defaultRetentionLevels,
  replaceFile,
} from '@nb/contracts'
import type { DirectoryMemory, KnownPolicy } from './directory-memory.ts'
import type { FileProblem } from './file-problem.ts'
import { hashOf, removeGuarded, replaceGuarded, setAsideName, settleAside } from './guarded-file.ts'
import { printPolicy, updatePolicyText, withoutGeneration } from './print-policy.ts'
import { readPolicy } from './read-policy.ts'
import { retentionFile, syncRetention } from './retention-sync.ts'

/** What one look through a policy directory asks for. */
export interface DirectoryLookComponents {
  readonly scheduler: Pick<
    Scheduler,
    'putPolicy' | 'getPolicy' | 'removePolicy' | 'policies' | 'putRetentionLevel' | 'retentionLevels'
  >
  readonly files: Files
  readonly memory: DirectoryMemory
  readonly directory: string
  readonly log: Logger
  readonly clock: Clock
  /** How long after a file was written a save of it may come of somebody who has not seen that, milliseconds. */
  readonly unseenMs: number
}

interface ReadFile {
  readonly file: string
  readonly text: string
  readonly hash: string
  readonly policy?: Policy
  /** The levels of the periods in it. */
  readonly periods: readonly RetentionLevel[]
}

type GoodFile = ReadFile & { readonly policy: Policy }

/** Files that hold policies, or the retention table. */
export const policyFile: RegExp = /^[^.].*\.(ya?ml|json)$/

/** One look through the folder: what it has found and done so far. */
export class DirectoryLook {
  readonly applied: string[] = []
  readonly removed: string[] = []
  readonly written: string[] = []
  readonly problems: FileProblem[] = []
  readonly warnings: FileProblem[] = []
  /** That a file was saved while it was to be written, so that the folder must be looked at again. */
  isOutdated = false
  readonly #with: DirectoryLookComponents
  #names: ReadonlySet<string> = new Set()
  #levels: readonly RetentionLevel[] = []
  #known: ReadonlyMap<string, KnownPolicy> = new Map()
  /** The levels of stored policies. */
  readonly #usedLevels = new Map<string, ReadonlySet<number>>()

  constructor(components: DirectoryLookComponents) {
    this.#with = components
  }

  async run(): Promise<void> {
    const { scheduler, files, memory, directory } = this.#with
    await this.#settle(await files.list(directory))
    this.#names = new Set(await files.list(directory))
    await this.#guarded('retention-levels.yaml', () => this.#syncLevels())
    this.#levels = await scheduler.retentionLevels({})
    this.#known = await memory.policies()
    for await (const { name, schedules } of scheduler.policies({})) {
      this.#usedLevels.set(name, new Set(schedules.map(({ retentionLevel }) => retentionLevel)))
    }
    const read: ReadFile[] = []
    for (const file of this.#names) {
      if (policyFile.test(file) && !retentionFile.test(file)) read.push(...(await this.#read(file)))
    }
    for (const each of this.#byName(read).values()) {
      await this.#guarded(each.file, () => this.#applyFile(each))
    }
    if (read.length === 0 && this.#known.size > 0) {
      return this.#problem('', '', `${directory} has no policy file any more; all policies stay as they are`)
    }
    for (const [name, entry] of await memory.policies()) {
      const holds = read.find(({ file }) => file === entry.file)
      const isGone =
        !this.#names.has(entry.file) || (holds?.policy !== undefined && holds.policy.name !== name)
      if (isGone) await this.#guarded(entry.file, () => this.#removeGone(name, entry))
    }
    for await (const stored of scheduler.policies({})) {
      if ((await memory.policy(stored.name)) === undefined) await this.#writeNew(stored)
    }
  }

  /** Finishes what earlier writes have set aside. */
  async #settle(names: readonly string[]): Promise<void> {
    const { files, memory, directory } = this.#with
    for (const name of names) {
      const file = setAsideName(name)
      if (file === undefined || !policyFile.test(file)) continue
      await this.#guarded(file, async () => {
        const completed = await memory.aside(file)
        const entries = [...(await memory.policies()).values()].filter((entry) => entry.file === file)
        const table = await memory.table()
        const known = [
          completed,
          table?.file === file ? table.hash : undefined,
          ...entries.map(({ hash }) => hash),
        ]
        const kept = await settleAside({
          files,
          path: `${directory}/${file}`,
          known: known.filter((hash) => hash !== undefined),
          isComplete: completed !== undefined,
        })
        if (completed !== undefined) await memory.dropAside(file)
        if (kept === undefined) return
        this.#problem(
          file,
          '',
          `was saved while it was written; what was saved is in ${kept.slice(kept.lastIndexOf('/') + 1)}: put both together`,
        )
      })
    }
  }

  async #syncLevels(): Promise<void> {
    const { problems, written, isOutdated } = await syncRetention(this.#with, [...this.#names])
    this.problems.push(...problems)
    if (written !== undefined) this.written.push(written)
    if (isOutdated === true) this.isOutdated = true
  }

  async #read(file: string): Promise<ReadFile[]> {
    const { files, directory } = this.#with
    const content = await files.readFile(`${directory}/${file}`)
    if (content === undefined) return []
    const text = content.toString('utf8')
    const { policy, problems, warnings, periods } = readPolicy(text, {
      file,
      retentionLevels: this.#levels,
      formerLevel: this.#formerLevel,
    })
    this.problems.push(...problems)
    this.warnings.push(...warnings)
    return [{ file, text, hash: hashOf(content), periods, ...(policy === undefined ? {} : { policy }) }]
  }

  /**
   * The level of a period that none has now: what it stood for when the policy's file was last read, else what it stands for
   * in the field's table, unless that level keeps for less by now and the policy does not have it already.
   */
  readonly #formerLevel = (policy: string, periodMs: number): number | undefined => {
    const known = this.#known.get(policy)?.periods?.[periodMs]
    if (known !== undefined) return known
    const level = defaultRetentionLevels.find((row) => row.periodMs === periodMs)?.level
    if (level === undefined) return undefined
    const now = this.#levels[level]?.periodMs ?? null
    const keepsEnough = now === null || now >= periodMs
    return keepsEnough || this.#usedLevels.get(policy)?.has(level) === true ? level : undefined
  }

  /** The good files by policy; of two that hold one policy the first by name counts. */
  #byName(read: readonly ReadFile[]): Map<string, GoodFile> {
    const byName = new Map<string, GoodFile>()
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

  async #applyFile(read: GoodFile): Promise<void> {
    const { scheduler } = this.#with
    const { file, hash, policy } = read
    const entry = this.#known.get(policy.name)
    const stored = await scheduler.getPolicy({ name: policy.name })
    const isEdited = entry?.hash !== hash
    const isChanged = entry !== undefined && stored?.generation !== entry.generation
    if (stored !== undefined && isDeepStrictEqual(withoutGeneration(stored), policy)) {
      await this.#dropCopy(file)
      if (entry?.file === file && !isEdited && !isChanged && entry.isConflict !== true) return
      return this.#remember(read, stored.generation)
    }
    if (entry?.isConflict === true && !isEdited) return this.#stillConflict(read, stored, isChanged)
    if (!isEdited && stored === undefined) return this.#dropFile(read)
    if (!isEdited && !isChanged) return
    if (!isEdited && stored !== undefined) return this.#writeChanged(read, stored)
    const isUnseen = stored !== undefined && this.#isUnseen(entry, policy, stored)
    if (stored !== undefined && (isChanged || isUnseen)) return this.#conflict(read, stored)
    const put = await scheduler.putPolicy({ policy, generation: stored?.generation ?? 0 })
    this.applied.push(policy.name)
    await this.#remember(read, put.generation)
    await this.#dropCopy(file)
  }

  /** Whether an edit was made of what the file said before it was written just now: it says so still wherever that changed. */
  #isUnseen(entry: KnownPolicy | undefined, edited: Policy, stored: StoredPolicy): boolean {
    const { clock, unseenMs } = this.#with
    const before = entry?.writtenOver
    if (before === undefined || clock.now() - before.at > unseenMs) return false
    const now = withoutGeneration(stored)
    const keys = [...new Set([...Object.keys(before.policy), ...Object.keys(now)])] as (keyof Policy)[]
    const changed = keys.filter((key) => !isDeepStrictEqual(before.policy[key], now[key]))
    return changed.every((key) => isDeepStrictEqual(before.policy[key], edited[key]))
  }

  /** Removed through the port: the file goes too. */
  async #dropFile({ file, hash, policy }: GoodFile): Promise<void> {
    const { files, memory, directory } = this.#with
    const result = await removeGuarded({ files, path: `${directory}/${file}`, expected: hash })
    if (result === 'differs') return void (this.isOutdated = true)
    await memory.dropPolicy(policy.name, file, hash)
    this.written.push(file)
    await this.#dropCopy(file)
  }

  async #writeChanged(read: GoodFile, stored: StoredPolicy): Promise<void> {
    const { file, text, hash } = read
    const updated = updatePolicyText(text, withoutGeneration(stored), {
      file,
      format: file.endsWith('.json') ? 'json' : 'yaml',
      retentionLevels: this.#levels,
      formerLevel: this.#formerLevel,
    })
    await this.#write({ ...read, text: updated }, stored, hash)
  }

  async #writeNew(stored: StoredPolicy): Promise<void> {
    const file = `${stored.name}.yaml`
    // A file of that name that is bad, or holds another policy, is not ours to replace.
    if (this.#names.has(file)) {
      if (!this.isOutdated && !this.problems.some((problem) => problem.file === file))
        this.#problem(file, '', `holds another policy, so that policy ${stored.name} has no file`)
      return
    }
    const text = printPolicy(withoutGeneration(stored), { retentionLevels: this.#levels })
    await this.#write({ file, text, periods: [] }, stored, undefined)
  }

  /** Writes a file that has this hash; one that was saved meanwhile stays, and is looked at again. */
  async #write(
    { file, text, periods, policy }: Pick<ReadFile, 'file' | 'text' | 'periods' | 'policy'>,
    { name, generation }: StoredPolicy,
    expected: string | undefined,
  ): Promise<void> {
    const { files, memory, directory } = this.#with
    const content = Buffer.from(text, 'utf8')
    const result = await replaceGuarded({ files, path: `${directory}/${file}`, expected }, content)
    if (result === 'differs') return void (this.isOutdated = true)
    const writtenOver = policy === undefined ? {} : { writtenOver: { policy, at: this.#with.clock.now() } }
    const entry = { file, hash: hashOf(content), generation, ...periodsOf(periods), ...writtenOver }
    await memory.putPolicy(name, entry, expected)
    this.written.push(file)
  }

  async #conflict(read: GoodFile, stored: StoredPolicy): Promise<void> {
    const { files, directory } = this.#with
    const { file } = read
    const text = printPolicy(withoutGeneration(stored), { retentionLevels: this.#levels })
    await replaceFile(files, `${directory}/${file}.stored`, Buffer.from(text, 'utf8'))
    await this.#remember(read, stored.generation, { isConflict: true })
    this.#tellConflict(file, stored)
  }

  /** The file has an edit that was not taken; until it is saved again it is neither applied nor overwritten. */
  async #stillConflict(read: GoodFile, stored: StoredPolicy | undefined, isChanged: boolean): Promise<void> {
    if (stored !== undefined) {
      return isChanged ? this.#conflict(read, stored) : this.#tellConflict(read.file, stored)
    }
    this.#problem(
      read.file,
      '',
      `has an edit of policy ${read.policy.name}, which was removed meanwhile: save it again to have that policy anew, or delete it`,
    )
  }

  #tellConflict(file: string, { name, generation }: StoredPolicy): void {
    this.#problem(
      file,
      '',
      `was edited while policy ${name} was changed otherwise (generation ${generation}); that stays and is in ${file}.stored: put both together and save the file again`,
    )
  }

  /** What a conflict has put beside a file goes when file and policy are the same again. */
  async #dropCopy(file: string): Promise<void> {
    const { files, directory } = this.#with
    const copy = `${file}.stored`
    if (!this.#names.has(copy)) return
    await files.remove(`${directory}/${copy}`)
    await files.syncDirectory(directory)
  }

  async #removeGone(name: string, entry: KnownPolicy): Promise<void> {
    const { scheduler, memory } = this.#with
    const stored = await scheduler.getPolicy({ name })
    const isChanged = stored !== undefined && stored.generation !== entry.generation
    if (stored !== undefined && !isChanged) {
      await scheduler.removePolicy({ name })
      this.removed.push(name)
    }
    if (isChanged)
      this.#problem(entry.file, '', `went away while policy ${name} was changed otherwise; the policy stays`)
    await memory.dropPolicy(name, entry.file)
    if (!this.#names.has(entry.file)) await this.#dropCopy(entry.file)
  }

  #remember(
    { file, hash, policy, periods }: GoodFile,
    generation: number,
    more: Pick<KnownPolicy, 'isConflict'> = {},
  ): Promise<void> {
    return this.#with.memory.putPolicy(policy.name, {
      file,
      hash,
      generation,
      ...periodsOf(periods),
      ...more,
    })
  }

  async #guarded(file: string, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#with.log.error('%s: %o', file, error)
      this.#problem(file, '', asNbError(error).message)
    }
  }

  #problem(file: string, field: string, message: string): void {
    this.problems.push({ file, line: 1, column: 1, field, message })
  }
}

function periodsOf(periods: readonly RetentionLevel[]): Pick<KnownPolicy, 'periods'> {
  if (periods.length === 0) return {}
  return { periods: Object.fromEntries(periods.map(({ level, periodMs }) => [String(periodMs), level])) }
}

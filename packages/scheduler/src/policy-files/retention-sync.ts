import { isDeepStrictEqual } from 'node:util'
import { type Files, type Scheduler, printRetentionPeriod } from '@nb/contracts'
import type { DirectoryMemory } from './directory-memory.ts'
import type { FileProblem } from './file-problem.ts'
import { hashOf, replaceGuarded } from './guarded-file.ts'
import { readRetentionLevels } from './retention-file.ts'
import { changedRows, mergeRetention, updateRetentionText } from './retention-merge.ts'

/** Files that hold the retention table. */
export const retentionFile: RegExp = /^retention-levels\.(ya?ml|json)$/

/** What keeping the retention table and its file the same asks for. */
export interface RetentionSyncComponents {
  readonly scheduler: Pick<Scheduler, 'putRetentionLevel' | 'retentionLevels'>
  readonly files: Files
  readonly memory: Pick<DirectoryMemory, 'table' | 'putTable'>
  readonly directory: string
}

/** What was done. */
export interface RetentionSync {
  /** The file, where it was written. */
  readonly written?: string
  readonly problems: readonly FileProblem[]
  /** That the file was saved while it was to be written: look again. */
  readonly isOutdated?: true
}

/** Makes the retention table and its file say the same, as {@link mergeRetention} decides. */
export async function syncRetention(
  { scheduler, files, memory, directory }: RetentionSyncComponents,
  names: readonly string[],
): Promise<RetentionSync> {
  const [file, ...others] = names.filter((name) => retentionFile.test(name))
  const problem = (at: string, field: string, message: string): FileProblem => ({
    file: at,
    line: 1,
    column: 1,
    field,
    message,
  })
  const notRead = others.map((other) =>
    problem(other, '', `is not read: ${file ?? ''} has the retention levels; put both together`),
  )
  const content = file === undefined ? undefined : await files.readFile(`${directory}/${file}`)
  const isThere = file !== undefined && content !== undefined
  const text = content?.toString('utf8') ?? ''
  const { levels, problems } = isThere ? readRetentionLevels(text, file) : { levels: [], problems: [] }
  if (problems.length > 0) return { problems: [...problems, ...notRead] }

  const before = await memory.table()
  const hash = content === undefined ? undefined : hashOf(content)
  const { apply, write, conflicts } = mergeRetention({
    file: levels,
    isEdited: isThere && (before?.file !== file || before.hash !== hash),
    table: await scheduler.retentionLevels({}),
    ...(before === undefined ? {} : { before: before.levels }),
  })
  for (const row of apply) await scheduler.putRetentionLevel(row)
  const table = changedRows(await scheduler.retentionLevels({}))
  const rows = isThere || write.length === 0 ? write : table
  const name = isThere ? file : 'retention-levels.yaml'
  const updated = Buffer.from(rows.length === 0 ? text : updateRetentionText(text, rows, name), 'utf8')
  if (rows.length > 0) {
    const change = { files, path: `${directory}/${name}`, expected: hash }
    if ((await replaceGuarded(change, updated)) === 'differs') return { problems: notRead, isOutdated: true }
  }
  const now =
    isThere || rows.length > 0
      ? { file: name, hash: rows.length > 0 ? hashOf(updated) : (hash ?? ''), levels: table }
      : { levels: table }
  if (!isDeepStrictEqual(now, before)) await memory.putTable(now, rows.length > 0 ? hash : undefined)
  const told = conflicts.map(({ level, periodMs }) => {
    const kept = table.find((row) => row.level === level)?.periodMs ?? null
    return problem(
      name,
      String(level),
      `was edited to ${printRetentionPeriod(periodMs)} while it was changed otherwise, to ${printRetentionPeriod(kept)}; that stays: save the file again to change it`,
    )
  })
  return { problems: [...told, ...notRead], ...(rows.length > 0 ? { written: name } : {}) }
}

import {
  type RetentionLevel,
  parseRetentionPeriod,
  printRetentionPeriod,
  retentionPeriodForm,
} from '@nb/contracts'
import { YAMLMap, Document as YamlDocument } from 'yaml'
import { DocumentReader } from './document-reader.ts'
import { type FileProblem, problemError } from './file-problem.ts'

/**
 * The rows of a retention file: a map of levels to periods, such as `3: 1 month`.
 * @throws NbError `argument-invalid`, with all that is wrong: file, line, column, field, what is allowed
 */
export function parseRetentionLevels(text: string, file = 'retention-levels'): readonly RetentionLevel[] {
  const { levels, problems } = readRetentionLevels(text, file)
  if (problems.length > 0) throw problemError(problems)
  return levels
}

/** As {@link parseRetentionLevels}, with the problems as data. */
export function readRetentionLevels(
  text: string,
  file = 'retention-levels',
): { readonly levels: readonly RetentionLevel[]; readonly problems: readonly FileProblem[] } {
  const reader = new DocumentReader(text, file)
  const levels: RetentionLevel[] = []
  for (const [key, place] of (reader.problems.length > 0 ? undefined : reader.map(reader.root)) ?? []) {
    const level = /^\d{1,3}$/.test(key) ? Number(key) : NaN
    const periodMs = reader.parsed(place, retentionPeriodForm, (text) => {
      const period = parseRetentionPeriod(text)
      return period === undefined ? undefined : { period }
    })
    if (!(level <= 100)) reader.refuse(place, 'must have a retention level, 0–100, as its key')
    else if ((level === 9 || level === 25) && periodMs?.period !== (level === 9 ? null : 0)) {
      reader.refuse(place, 'is fixed: 9 keeps for ever, 25 expires at once')
    } else if (periodMs !== undefined) levels.push({ level, periodMs: periodMs.period })
  }
  return { levels, problems: reader.problems }
}

/** A retention table as the text of a file. */
export function printRetentionLevels(levels: readonly RetentionLevel[]): string {
  const map = new YAMLMap<number, string>()
  for (const { level, periodMs } of levels) map.set(level, printRetentionPeriod(periodMs))
  return new YamlDocument(map).toString({ lineWidth: 0 })
}

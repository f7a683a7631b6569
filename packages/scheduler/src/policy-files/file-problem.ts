import { NbError, displayPath, toPath } from '@nb/contracts'

/** What is wrong with a file, and where. */
export interface FileProblem {
  /** The file as it was named. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** In the words of the file, such as `schedules[0].every`; empty for the file as a whole. */
  readonly field: string
  /** What is wrong, and what is allowed. */
  readonly message: string
  /** The key that was likely meant, where an unknown one stands. */
  readonly meant?: string
}

/** The most problems of one file that are told; a file that is no policy at all may have thousands. */
const mostTold = 20
/** The most characters of a field or a message that are told: both may quote the file. */
const mostCharacters = 400

/** A problem in one line, as compilers tell theirs; what it quotes of the file has no control characters any more. */
export function describeProblem({ file, line, column, field, message }: FileProblem): string {
  return `${oneLine(file)}:${line}:${column}: ${field === '' ? '' : `${short(field)} `}${short(message)}`
}

/** Problems, one a line: of each file the first 20, and how many there are besides. */
export function describeProblems(problems: readonly FileProblem[]): string[] {
  return [...new Set(problems.map(({ file }) => file))].flatMap((file) => {
    const ofFile = problems.filter((problem) => problem.file === file)
    const more = ofFile.length - mostTold
    const told = ofFile.slice(0, mostTold).map(describeProblem)
    return more <= 0 ? told : [...told, `${oneLine(file)}: and ${more} more`]
  })
}

/**
 * The problems of a file as one error, `argument-invalid`, one a line; its details are the first one's, and how many there
 * are (`problems`).
 */
export function problemError(problems: readonly FileProblem[]): NbError {
  const [first] = problems
  return new NbError('argument-invalid', describeProblems(problems).join('\n'), {
    details: {
      ...first,
      ...(first === undefined ? {} : { field: short(first.field), message: short(first.message) }),
      problems: problems.length,
    },
  })
}

function oneLine(text: string): string {
  return text.replace(/[^\\]+/g, (part) => displayPath(toPath(part)))
}

function short(text: string): string {
  const characters = [...oneLine(text)]
  return characters.length <= mostCharacters
    ? characters.join('')
    : `${characters.slice(0, mostCharacters - 1).join('')}…`
}

/** The known word that is nearest to one that is not known, when it is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_ ]/g, '')
  const same = known.find((each) => plain(each) === plain(word)) ?? synonyms[plain(word)]
  if (same !== undefined && known.includes(same)) return same
  const distances = known.map((each) => ({ each, distance: distance(plain(word), plain(each)) }))
  const best = distances.sort((a, b) => a.distance - b.distance)[0]
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3))
    ? best.each
    : undefined
}

/** Words of other products, and of the programs' own form of a policy. */
const synonyms: Readonly<Record<string, string>> = {
  checkpointintervalms: 'checkpoint-every',
  daysofweek: 'weekdays',
  effectiveat: 'effective',
  effectivedate: 'effective',
  enabled: 'active',
  files: 'selections',
  frequency: 'every',
  frequencyms: 'every',
  hosts: 'clients',
  includes: 'selections',
  interval: 'every',
  keep: 'retention',
  paths: 'selections',
  pool: 'volume-pool',
  retentionlevel: 'retention',
  retry: 'retry-after-run-day',
  startwindows: 'windows',
  streams: 'multiple-streams',
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change))
    }
    row = next
  }
  return row[b.length] ?? 0
}

import { type CallOptions, displayPath, type FileEntry, type FileSearch, type Path } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { chooseClient } from '../choose-client.ts'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatNanoseconds } from '../units.ts'
import { given } from './each.ts'
import { modeOf, sizeOf } from './list.ts'

/** Options of `nb find`. */
export interface FindOptions extends CallOptions {
  /** A glob, or with `regex` a regular expression. */
  readonly pattern: string
  /** @default false */
  readonly regex?: boolean
  /** Letters match in both cases. @default false */
  readonly ignoreCase?: boolean
  /** @default '/' */
  readonly below?: Path
  /** @default the only client there is, or this host */
  readonly client?: string
  readonly policy?: string
  /** In all images, each state of a file once. @default false */
  readonly allVersions?: boolean
  /** With `allVersions`: backups from then on, milliseconds since the epoch. */
  readonly from?: number
  /** As it was then; with `allVersions`: backups until then. @default now */
  readonly to?: number
  /** At most so many entries, 1–999999. @default 1000 */
  readonly limit?: number
}

const defaultLimit = 1000
/** One less than what can be asked for, so that it can be told whether there is more. */
export const mostLimit = 999_999
/** Rows of a table that are laid out together; what follows has the widths of its own rows. */
const rowsTogether = 1000

/** `nb find PATTERN`: where entries are whose path matches. */
export async function findCommand(
  { catalog }: Pick<Ports, 'catalog'>,
  options: FindOptions,
  output: Output,
): Promise<ExitCode> {
  const { pattern, regex = false, allVersions = false, limit = defaultLimit, from } = options
  if (from !== undefined && !allVersions)
    throw new UsageError('--from needs --all-versions; to see one time, use --to')
  const call = options.signal === undefined ? {} : { signal: options.signal }
  const search: FileSearch = {
    client: await chooseClient(catalog, options.client, call),
    ...(regex ? { regex: pattern } : { glob: pattern }),
    ...given('ignoreCase', options.ignoreCase),
    ...given('below', options.below),
    ...given('policy', options.policy),
    ...(allVersions ? { allImages: true } : {}),
    ...given('from', from),
    ...given('to', options.to),
    limit: limit + 1,
  }
  let found = 0
  let rows: FileEntry[] = []
  const print = async (): Promise<void> => {
    if (rows.length > 0) await printEntries(rows, output)
    rows = []
  }
  for await (const entry of catalog.search(search, call)) {
    if (++found > limit) break
    rows.push(entry)
    if (output.json || rows.length >= rowsTogether) await print()
  }
  await print()
  if (found > limit) output.note(`there are more; the first ${limit} are shown, --limit shows more`)
  if (found === 0 && !output.json)
    output.note(`nothing that was backed up of ${search.client} matches ${pattern}`)
  return 0
}

function printEntries(entries: readonly FileEntry[], output: Output): Promise<void> {
  return output.table(entries, [
    { title: 'MODE', spare: 1, value: modeOf },
    { title: 'SIZE', value: sizeOf, align: 'right' },
    { title: 'MODIFIED', spare: 2, value: (entry) => formatNanoseconds(entry.mtimeNs) },
    { title: 'IMAGE', value: (entry) => entry.backupId },
    { title: 'PATH', value: (entry) => displayPath(entry.path), shrinks: true },
  ])
}

import {
  type CallOptions,
  type FileEntry,
  type FileSearch,
  type ImageFilter,
  type ImageRecord,
  NbError,
  type Path,
  toPath,
  type TreeQuery,
} from '@nb/contracts'
import { askedPath, stateKey, toFileEntry } from '../file-entry.ts'
import type { ListDamage } from '../list-damage.ts'
import type { TreeLibrary } from '../tree-library.ts'
import type { UnionTree } from '../union-tree.ts'
import { Automaton } from './automaton.ts'
import { parseGlob } from './parse-glob.ts'
import { parseRegex } from './parse-regex.ts'
import type { PathMatcher } from './path-matcher.ts'
import { compile } from './program.ts'

/** What a search works with. */
export interface SearchParts {
  readonly trees: TreeLibrary
  readonly damage: ListDamage
  readonly listImages: (filter: ImageFilter, options?: CallOptions) => AsyncIterable<ImageRecord>
  /** Opens the tree of a query, which holds the paths. */
  readonly choose: (
    query: TreeQuery,
    wanted: readonly { readonly path: Path }[],
    options?: CallOptions,
  ) => Promise<UnionTree>
}

const defaultLimit = 10_000
const mostLimit = 1_000_000

/** `Catalog.search`: the entries of a client whose paths match. */
export async function* searchEntries(
  parts: SearchParts,
  input: FileSearch,
  options: CallOptions | undefined,
): AsyncGenerator<FileEntry, void, undefined> {
  const { limit = defaultLimit } = input
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > mostLimit)
    throw invalid('limit', `must be a whole number from 1 to ${mostLimit}`)
  const below = askedPath(input.below ?? toPath('/'))
  const matcher = matcherOf(input)
  const found =
    input.allImages === true
      ? ofImages(parts, input, { matcher, below }, options)
      : ofTree(parts, input, { matcher, below }, options)
  let left = limit
  for await (const entry of found) {
    yield entry
    if (--left <= 0) return
  }
}

interface Wanted {
  readonly matcher: PathMatcher
  readonly below: Buffer
}

async function* ofTree(
  { choose }: SearchParts,
  { client, policy, from, to, below: top }: FileSearch,
  { matcher, below }: Wanted,
  options: CallOptions | undefined,
): AsyncGenerator<FileEntry, void, undefined> {
  if (from !== undefined) throw invalid('from', 'needs allImages; a tree has one time, which is `to`')
  const query = {
    client,
    ...(policy === undefined ? {} : { policy }),
    ...(to === undefined ? {} : { at: to }),
  }
  const tree = await choose(query, top === undefined ? [] : [{ path: top }], options)
  try {
    for await (const { record, header, image } of tree.search(matcher, below, options))
      yield toFileEntry(record, header, image.backupId)
  } finally {
    await tree.close()
  }
}

/** Image by image, the newest first. What is remembered of states is bounded by the limit. */
async function* ofImages(
  { trees, damage, listImages }: SearchParts,
  { client, policy, from, to }: FileSearch,
  { matcher, below }: Wanted,
  options: CallOptions | undefined,
): AsyncGenerator<FileEntry, void, undefined> {
  const seen = new Set<string>()
  const filter = {
    client,
    ...(policy === undefined ? {} : { policy }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
  for await (const image of listImages(filter, options)) {
    const { backupId } = image
    const tree = await damage.watch(backupId, () => trees.open(image))
    try {
      for await (const record of tree.search(matcher, below, options)) {
        const key = `${stateKey(record)} ${record.path.toString('latin1')}`
        if (seen.has(key)) continue
        seen.add(key)
        yield toFileEntry(record, tree.header, backupId)
      }
    } catch (error) {
      throw await damage.noted(backupId, error)
    } finally {
      await tree.close()
    }
  }
}

function matcherOf({ glob, regex, ignoreCase = false }: FileSearch): PathMatcher {
  if ((glob === undefined) === (regex === undefined))
    throw invalid('glob', 'or regex must be given, and only one')
  return glob === undefined
    ? new Automaton(compile('regex', parseRegex(regex ?? '', ignoreCase)))
    : new Automaton(compile('glob', parseGlob(glob, ignoreCase)))
}

function invalid(field: string, why: string): NbError {
  return new NbError('argument-invalid', `${field} ${why}`, { details: { field } })
}

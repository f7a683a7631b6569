import { type LocalFileSystem, type Path, type Policy, type Selection, displayPath } from '@nb/contracts'

/** One stream of a client's backup. */
export interface ClientStream {
  /** Its first path as shown; absent where the policy has one stream for all. */
  readonly name?: string
  /** What it backs up, where that is not all that the policy selects. */
  readonly selections?: readonly Path[]
}

/** Whether the client has to be asked what the selections stand for. */
export function needsFileSystems({ selections }: Policy): boolean {
  return selections.includes('ALL_LOCAL_DRIVES')
}

const wholeStream: readonly ClientStream[] = [{}]

/**
 * The streams of a policy for a client with these file systems. Without multiple streams it is one. With them, each
 * `NEW_STREAM` begins one, and what stands before the first is one too; where there is no `NEW_STREAM`, each path is one. An
 * `ALL_LOCAL_DRIVES` is one per file system. Of streams of one name the first counts.
 */
export function streamsOf(policy: Policy, fileSystems: readonly LocalFileSystem[]): readonly ClientStream[] {
  if (policy.multipleStreams !== true && !needsFileSystems(policy)) return wholeStream
  const mountPoints = fileSystems.map(({ mountPoint }) => mountPoint)
  const expand = (each: Selection): readonly Path[] =>
    each === 'ALL_LOCAL_DRIVES' ? mountPoints : isPath(each) ? [each] : []
  if (policy.multipleStreams !== true) return [{ selections: policy.selections.flatMap(expand) }]
  const streams = new Map<string, ClientStream>()
  for (const group of groupsOf(policy.selections)) {
    const parts = group.includes('ALL_LOCAL_DRIVES') ? group.flatMap(expand).map((path) => [path]) : [group]
    for (const part of parts) {
      const selections = part.filter(isPath)
      const name = displayPath(selections[0] as Path)
      if (!streams.has(name)) streams.set(name, { name, selections })
    }
  }
  return [...streams.values()]
}

/** The entries of each stream; an empty list where a `NEW_STREAM` has none. */
export function groupsOf(selections: readonly Selection[]): readonly (readonly Selection[])[] {
  if (!selections.includes('NEW_STREAM')) return selections.map((each) => [each])
  const groups: Selection[][] = [[]]
  for (const each of selections) {
    if (each === 'NEW_STREAM') groups.push([])
    else groups.at(-1)?.push(each)
  }
  // Nothing needs to stand before the first one.
  return groups[0]?.length === 0 ? groups.slice(1) : groups
}

/** Whether an entry of the selections is a path, not a directive. */
export function isPath(selection: Selection): selection is Path {
  return selection.startsWith('/')
}

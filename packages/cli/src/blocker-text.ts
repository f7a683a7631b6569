import { type Blocker, nameOfBlocker } from '@nb/contracts'

/** What stands in the way, in a line: `storage-unit-limit disk1 (2 of 2 in use), reason 2040`. */
export function blockerTitle(blocker: Blocker): string {
  const { kind, reason, limit, inUse } = blocker
  const use = limit === undefined ? '' : ` (${useOf(kind, limit, inUse)})`
  return `${nameOfBlocker(blocker)}${use}, reason ${reason}`
}

/** Of a disk limit and use are percent of its room. */
function useOf(kind: Blocker['kind'], limit: number, inUse: number | undefined): string {
  if (kind === 'storage-unit-full') return `${inUse ?? '?'}% used, high-water mark ${limit}%`
  return `${inUse ?? '?'} of ${limit} in use`
}

/** The same in a table's cell, with those who hold it: `storage-unit-limit disk1, held by 7 9`. */
export function blockerCell(blockers: readonly Blocker[]): string {
  const [first, ...others] = blockers
  if (first === undefined) return '-'
  const holders = first.holders.map(({ jobId }) => jobId).join(' ')
  const held = holders === '' ? '' : `, held by ${holders}`
  const more = others.length === 0 ? '' : `, and ${others.length} more`
  return `${nameOfBlocker(first)}${held}${more}`
}

import type { JobRecord } from './job-record.ts'
import type { JobChange } from './transitions.ts'

/** What a change of a part is to its parent, if anything. `record` is the part after the change. */
export function parentChange(
  record: JobRecord,
  kind: JobChange['kind'],
  parent: JobRecord,
): JobChange | undefined {
  if (parent.phase !== 'parent') return undefined
  if (kind === 'granted' && parent.activeAt === undefined)
    return { kind: 'child-active', at: record.activeAt ?? record.submittedAt }
  const { ending, progress, id } = record
  if (kind !== 'settled' || ending === undefined) return undefined
  const { status, statusText, warnings } = ending
  const { files = 0, bytes = 0 } = progress ?? {}
  return { kind: 'child-ended', jobId: id, end: { status, statusText, warnings, files, bytes } }
}

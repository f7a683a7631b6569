// The child of unprivileged.test.ts.
import { FILE_FLAGS } from '@nb/formats'
import { NbError } from '@nb/contracts'
import { extractInThread, planFor } from './extract-in-thread.ts'
import { readInThread } from './read-in-thread.ts'

export type ChildTask =
  | { readonly kind: 'read'; readonly source: string }
  | { readonly kind: 'restore'; readonly source: string; readonly target: string }

export interface ChildReport {
  readonly paths: readonly string[]
  readonly unreadable: readonly string[]
  readonly warnings: readonly (readonly [path: string, code: string])[]
  readonly error?: { readonly code: string; readonly status: number }
}

process.once('message', (task: ChildTask) => {
  process.send?.(perform(task))
  process.disconnect()
})

function perform(task: ChildTask): ChildReport {
  const warnings: [string, string][] = []
  const below = (path: Uint8Array, root: string): string => {
    const text = Buffer.from(path).toString()
    return text.startsWith(root) ? text.slice(root.length) || '/' : text
  }
  try {
    const read = readInThread([task.source])
    const note = (list: typeof read.warnings): void => {
      for (const { path, code } of list) warnings.push([below(path, task.source), code])
    }
    note(read.warnings)
    if (task.kind === 'restore')
      note(extractInThread(task.target, planFor(read.records, task.source), [read.archive]).warnings)
    const unreadable = read.records.filter((record) => (record.flags & FILE_FLAGS.unreadable) !== 0)
    return {
      paths: read.records.map((record) => below(record.path, task.source)),
      unreadable: unreadable.map((record) => below(record.path, task.source)),
      warnings,
    }
  } catch (error) {
    if (!(error instanceof NbError)) throw error
    return { paths: [], unreadable: [], warnings, error: { code: error.code, status: error.status } }
  }
}

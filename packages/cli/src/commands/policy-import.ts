import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { type CallOptions, NbError, type Policy, type Scheduler, type StoredPolicy } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { whyOutdated } from '../outdated-export.ts'
import { importText, type PolicyText, unknownNamesAt } from '../policy-text.ts'
import { forEach } from './each.ts'
import { withoutStored } from './policy-activate.ts'

/** Options of `nb policy import`. */
export interface PolicyImportOptions extends CallOptions {
  /** Files, absolute. */
  readonly files: readonly string[]
  /** Also over changes that were made since the file was exported, and over another policy. @default false */
  readonly force?: boolean
  /** Only tell what would change. @default false */
  readonly preview?: boolean
}

/**
 * `nb policy import FILE...`: adds or changes policies as their files say. Files that are wrong are told with line and
 * field, those that would undo what was changed since with `generation-conflict`; the others are taken, and the exit code is 1.
 * Storage units, groups and volume pools that the server does not have are warned of.
 */
export async function policyImportCommand(
  { scheduler, media }: Pick<Ports, 'scheduler' | 'media'>,
  { files, force = false, preview = false, ...call }: PolicyImportOptions,
  output: Output,
): Promise<ExitCode> {
  const levels = await scheduler.retentionLevels({}, call)
  const unknownNames = await unknownNamesAt(media, call)
  return forEach(files, output, async (file) => {
    const read = await importText(await textOf(file), file, levels)
    const { name } = read.policy
    const before = await scheduler.getPolicy({ name }, call)
    const removal = before === undefined ? await scheduler.policyRemoval({ name }, call) : undefined
    const changes = changedFields(before, read.policy)
    const why = whyOutdated(read, { generation: before?.generation, removal })
    // A file that says what is there already overwrites nothing.
    if (why !== undefined && !force && changes.length > 0) throw conflict(why, { file, text: read, before })
    for (const text of unknownNames(read.policy)) output.note(`nb: warning: policy ${name}: ${text}`)
    const put = changes.length > 0 && !preview
    const after = put ? await scheduler.putPolicy(request(read.policy, before), call) : before
    if (output.json) return output.value({ policy: name, file, changes, generation: after?.generation ?? 0 })
    return output.line(
      `policy ${name}: ${what(before, changes, preview)}${after === undefined ? '' : `, generation ${after.generation}`}`,
    )
  })
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EISDIR')
      throw new NbError('argument-invalid', `${file} is a folder; name the files in it`, {
        cause,
        details: { file },
      })
    throw new NbError('not-found', `${file} can't be read: ${(cause as Error).message}`, {
      cause,
      details: { file },
    })
  }
}

function request(policy: Policy, before: StoredPolicy | undefined): Parameters<Scheduler['putPolicy']>[0] {
  return { policy, generation: before?.generation ?? 0 }
}

function conflict(
  why: string,
  { file, text, before }: { file: string; text: PolicyText; before: StoredPolicy | undefined },
): NbError {
  const { policy, exported } = text
  return new NbError('generation-conflict', `${file} ${why}`, {
    details: {
      file,
      policy: policy.name,
      present: before?.generation ?? 0,
      given: exported?.generation ?? 0,
    },
  })
}

/** The fields in which a policy differs from what is stored; all of them for a new one. */
function changedFields(before: StoredPolicy | undefined, after: Policy): string[] {
  const old: Partial<Policy> = before === undefined ? {} : withoutStored(before)
  const fields = new Set([...Object.keys(old), ...Object.keys(after)]) as Set<keyof Policy>
  return [...fields].filter((field) => !isDeepStrictEqual(old[field], after[field])).sort()
}

function what(before: StoredPolicy | undefined, changes: readonly string[], preview: boolean): string {
  const would = preview ? 'would be ' : ''
  if (before === undefined) return `${would}added`
  return changes.length === 0 ? 'unchanged' : `${would}changed (${changes.join(', ')})`
}

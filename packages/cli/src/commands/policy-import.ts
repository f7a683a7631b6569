import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { type CallOptions, NbError, type Policy, type Scheduler, type StoredPolicy } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { importText, type PolicyText, unknownNamesAt } from '../policy-text.ts'
import { forEach } from './each.ts'
import { withoutStored } from './policy-activate.ts'

/** Options of `nb policy import`. */
export interface PolicyImportOptions extends CallOptions {
  /** Files, absolute. */
  readonly files: readonly string[]
  /** Also over changes that were made since the file was exported. @default false */
  readonly force?: boolean
  /** Only tell what would change. @default false */
  readonly preview?: boolean
}

/**
 * `nb policy import FILE...`: adds or changes policies as their files say. Files that are wrong are told with line and
 * field, those of a policy that was changed since with `generation-conflict`; the others are taken, and the exit code is 1.
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
    if (!force) refuseOutdated(file, read, before)
    for (const text of unknownNames(read.policy)) output.note(`nb: warning: policy ${name}: ${text}`)
    const changes = changedFields(before, read.policy)
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

function refuseOutdated(
  file: string,
  { policy, generation }: PolicyText,
  before: StoredPolicy | undefined,
): void {
  const present = before?.generation ?? 0
  if (generation === undefined || generation === present) return
  const since = before === undefined ? 'removed' : `changed (it is generation ${present} now)`
  throw new NbError(
    'generation-conflict',
    `${file} was exported at generation ${generation} of policy ${policy.name}, which was ${since} since: export it again and repeat the edit, or overwrite with --force`,
    { details: { file, policy: policy.name, present, given: generation } },
  )
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

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CallOptions, type StoredPolicy, systemFiles } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import { type ExitCode, UsageError } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { exportText, type PolicyFormat } from '../policy-text.ts'
import { knownPolicy } from './policy-show.ts'

/** Options of `nb policy export`. */
export interface PolicyExportOptions extends CallOptions {
  readonly names: readonly string[]
  /** All policies. @default false */
  readonly all?: boolean
  /** A folder for one file a policy; it is made. @default prints them */
  readonly to?: string
  /** @default 'yaml' */
  readonly format?: PolicyFormat
}

/** `nb policy export NAME...|--all`: policies as files that a person edits. Rejects with `policy-unknown`. */
export async function policyExportCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { names, all = false, to, format = 'yaml', ...call }: PolicyExportOptions,
  output: Output,
): Promise<ExitCode> {
  if (all === names.length > 0) throw new UsageError('name policies, or say --all')
  const policies: StoredPolicy[] = []
  if (all) for await (const policy of scheduler.policies({}, call)) policies.push(policy)
  for (const name of names) policies.push(await knownPolicy(scheduler, name, call))
  if (to === undefined && policies.length > 1 && !output.json)
    throw new UsageError('several policies need a folder; say --to DIR')
  const levels = await scheduler.retentionLevels({}, call)
  if (to !== undefined) await systemFiles().makeDirectory(to)
  for (const policy of policies) {
    const text = await exportText(policy, format, levels)
    if (to === undefined) {
      await (output.json ? output.value({ policy: policy.name, text }) : output.line(text.trimEnd()))
      continue
    }
    const file = join(to, `${policy.name}.${format}`)
    await writeFile(file, text)
    await (output.json
      ? output.value({ policy: policy.name, file })
      : output.line(`policy ${policy.name}: ${file}`))
  }
  return 0
}

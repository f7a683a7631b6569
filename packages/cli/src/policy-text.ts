import type { Policy, RetentionLevel, StoredPolicy } from '@nb/contracts'
import { parsePolicy, printPolicy } from '@nb/scheduler'

/** The form of a policy file. */
export type PolicyFormat = 'yaml' | 'json'

/** A policy as a file has it, and the generation it was exported at where the file tells. */
export interface PolicyText {
  readonly policy: Policy
  readonly generation?: number
}

const generationLine = /^# generation (\d+)$/m

/** A policy as the text of a file. YAML remembers the generation, so that an import notices a change in between. */
export function exportText(
  { generation, changedAt: _changedAt, ...policy }: StoredPolicy,
  format: PolicyFormat,
  retentionLevels: readonly RetentionLevel[],
): string {
  const text = printPolicy(policy, { format, retentionLevels })
  return format === 'json' ? text : `# generation ${generation}\n${text}`
}

/** Reads such a text, or one that a person wrote. Throws `argument-invalid`, naming file, line and field. */
export function importText(
  text: string,
  file: string,
  retentionLevels: readonly RetentionLevel[],
): PolicyText {
  const policy = parsePolicy(text, { file, retentionLevels })
  const generation = generationLine.exec(text)?.[1]
  return { policy, ...(generation === undefined ? {} : { generation: Number(generation) }) }
}

import type {
  CallOptions,
  MediaManager,
  Policy,
  RetentionLevel,
  StorageUnit,
  StorageUnitGroup,
  StoredPolicy,
  VolumePool,
} from '@nb/contracts'

/** The form of a policy file. */
export type PolicyFormat = 'yaml' | 'json'

/** A policy as a file has it. */
export interface PolicyText {
  readonly policy: Policy
  /** Where the file tells: the policy that it was exported from, and its generation then. */
  readonly exported?: { readonly name: string; readonly generation: number }
}

// Loaded when it is needed: what reads time zones and YAML takes a while to load, and most commands do without.
const policyFiles = () => import('@nb/scheduler')

// Without a name it is the policy's own.
const generationLine = /^# generation (\d+)(?: of (\S+))?[ \t\r]*$/m

/** A policy as the text of a file. YAML remembers name and generation, so that an import notices a change in between. */
export async function exportText(
  { generation, changedAt: _changedAt, ...policy }: StoredPolicy,
  format: PolicyFormat,
  retentionLevels: readonly RetentionLevel[],
): Promise<string> {
  const { printPolicy } = await policyFiles()
  const text = printPolicy(policy, { format, retentionLevels })
  return format === 'json' ? text : `# generation ${generation} of ${policy.name}\n${text}`
}

/** Reads such a text, or one that a person wrote. Throws `argument-invalid`, naming file, line and field. */
export async function importText(
  text: string,
  file: string,
  retentionLevels: readonly RetentionLevel[],
): Promise<PolicyText> {
  const { parsePolicy } = await policyFiles()
  const policy = parsePolicy(text, { file, retentionLevels })
  const [, generation, name = policy.name] = generationLine.exec(text) ?? []
  return {
    policy,
    ...(generation === undefined ? {} : { exported: { name, generation: Number(generation) } }),
  }
}

/** Tells what a policy names that the server does not have, a line each; its clients can't be known here. */
export async function unknownNamesAt(
  media: Pick<MediaManager, 'storageUnits' | 'groups' | 'pools'>,
  call: CallOptions,
): Promise<(policy: Policy) => readonly string[]> {
  const { unknownNames } = await policyFiles()
  const units: StorageUnit[] = []
  const groups: StorageUnitGroup[] = []
  const pools: VolumePool[] = []
  for await (const unit of media.storageUnits({}, call)) units.push(unit)
  for await (const group of media.groups({}, call)) groups.push(group)
  for await (const pool of media.pools({}, call)) pools.push(pool)
  return (policy) => unknownNames(policy, { units, groups, pools })
}

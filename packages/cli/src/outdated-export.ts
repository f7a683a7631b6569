import type { PolicyRemoval } from '@nb/contracts'
import type { PolicyText } from './policy-text.ts'
import { formatTime } from './units.ts'

/** What the server has of the name that a file gives its policy. */
export interface AtServer {
  /** Of the policy of this name; `undefined` when there is none. */
  readonly generation: number | undefined
  /** When there is none: how the last one went, if there was one. */
  readonly removal?: PolicyRemoval | undefined
}

/**
 * Why a policy file must not be taken without force, as the end of "FILE …": taking it would undo a change or removal that
 * was made since it was exported, or replace a policy that it was not exported from. A file that does not tell its export
 * was written by a person, and means what it says.
 */
export function whyOutdated(
  { policy: { name }, exported }: PolicyText,
  { generation, removal }: AtServer,
): string | undefined {
  if (exported === undefined) return undefined
  const from = `was exported at generation ${exported.generation} of policy ${exported.name}`
  const isCopy = exported.name !== name
  if (generation === undefined) {
    if (isCopy || removal === undefined || removal.generation < exported.generation) return undefined
    return `${from}, which was removed since (${formatTime(removal.removedAt)}): let it be, or make it anew with --force`
  }
  if (isCopy)
    return `${from}, and policy ${name} is there already: give the copy another name, or replace policy ${name} with --force`
  if (exported.generation === generation) return undefined
  if (exported.generation < generation)
    return `${from}, which was changed (it is generation ${generation} now) since: export it again and repeat the edit, or overwrite with --force`
  return `${from}, which is only at generation ${generation} here: it comes from another server, or from before the database of this one was made anew; compare it with nb policy export ${name}, then overwrite with --force`
}

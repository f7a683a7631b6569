import type { CallOptions, Policy, StoredPolicy } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'
import { knownPolicy } from './policy-show.ts'

/** Options of `nb policy activate` and `nb policy deactivate`. */
export interface PolicyActivateOptions extends CallOptions {
  readonly names: readonly string[]
  readonly active: boolean
}

/**
 * `nb policy activate|deactivate NAME...`: whether the scheduler starts jobs of policies. Running jobs go on. Those for which
 * it fails are told, with `policy-unknown` or `generation-conflict`, and give 1.
 */
export async function policyActivateCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { names, active, ...call }: PolicyActivateOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    const before = await knownPolicy(scheduler, name, call)
    const after =
      before.active === active
        ? before
        : await scheduler.putPolicy(
            { policy: { ...withoutStored(before), active }, generation: before.generation },
            call,
          )
    if (output.json) return output.value(after)
    return output.line(`policy ${name}: is ${active ? 'active' : 'inactive'}, generation ${after.generation}`)
  })
}

/** A policy as it is put: what the store adds is left out. */
export function withoutStored({
  generation: _generation,
  changedAt: _changedAt,
  ...policy
}: StoredPolicy): Policy {
  return policy
}

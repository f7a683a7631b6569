import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'

/** Options of `nb policy remove`. */
export interface PolicyRemoveOptions extends CallOptions {
  readonly names: readonly string[]
}

/** `nb policy remove NAME...`: running jobs go on, images stay until they expire. */
export async function policyRemoveCommand(
  { scheduler }: Pick<Ports, 'scheduler'>,
  { names, ...call }: PolicyRemoveOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    await scheduler.removePolicy({ name }, call)
    await (output.json ? output.value({ name, removed: true }) : output.line(`policy ${name}: removed`))
  })
}

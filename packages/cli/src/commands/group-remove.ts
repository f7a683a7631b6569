import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'

/** Options of `nb group remove`. */
export interface GroupRemoveOptions extends CallOptions {
  readonly names: readonly string[]
}

/** `nb group remove NAME...`: removes storage unit groups; their members stay. */
export async function groupRemoveCommand(
  { media }: Pick<Ports, 'media'>,
  { names, ...call }: GroupRemoveOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    await media.removeGroup({ name }, call)
    await (output.json ? output.value({ name, removed: true }) : output.line(`group ${name}: removed`))
  })
}

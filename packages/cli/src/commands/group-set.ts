import type { CallOptions, StorageUnitGroup } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** Options of `nb group set`. */
export interface GroupSetOptions extends CallOptions, StorageUnitGroup {}

/** `nb group set NAME MEMBER...`: adds or replaces a storage unit group. Rejects with `storage-unit-unknown`. */
export async function groupSetCommand(
  { media }: Pick<Ports, 'media'>,
  { name, members, selection, ...call }: GroupSetOptions,
  output: Output,
): Promise<ExitCode> {
  await media.putGroup({ name, members, selection }, call)
  if (output.json) await output.value({ name, members, selection })
  else await output.line(`group ${name}: ${selection} of ${members.join(' ')}`)
  return 0
}

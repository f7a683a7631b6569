import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'
import { knownMediaServer } from './media-servers.ts'
import { tellState, type UpOrDownOptions } from './storage-state.ts'

/** `nb media-server up|down NAME...`: running jobs go on. Those for which it fails are told, and give 1. */
export async function mediaServerStateCommand(
  { media }: Pick<Ports, 'media'>,
  { names, state, reason, ...call }: UpOrDownOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    const { stateReason: _before, ...server } = await knownMediaServer({ media }, name, call)
    await media.putMediaServer({ ...server, state, ...given('stateReason', reason) }, call)
    await tellState(output, 'media server', name, state, reason)
  })
}

import type { CallOptions, VolumeState } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'
import { tellState } from './storage-state.ts'

/** Options of `nb volume freeze|unfreeze|suspend|full|activate`. */
export interface VolumeStateOptions extends CallOptions {
  readonly volumeIds: readonly string[]
  readonly state: VolumeState
  readonly reason?: string
}

/** `nb volume freeze|… ID...`: gives volumes another state. Those for which it fails are told, and give 1. */
export async function volumeStateCommand(
  { media }: Pick<Ports, 'media'>,
  { volumeIds, state, reason, ...call }: VolumeStateOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(volumeIds, output, async (volumeId) => {
    await media.setVolumeState({ volumeId, state, ...given('reason', reason) }, call)
    await tellState(output, 'volume', volumeId, state, reason)
  })
}

import { type CallOptions, NbError, type VolumeState } from '@nb/contracts'
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
  /** The state that it ends: volumes in another one keep that, with `state-conflict`. @default any */
  readonly from?: VolumeState
}

/** `nb volume freeze|… ID...`: gives volumes another state. Those for which it fails, or that are not in the state it ends, are told, and give 1. */
export async function volumeStateCommand(
  { media }: Pick<Ports, 'media'>,
  { volumeIds, state, reason, from, ...call }: VolumeStateOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(volumeIds, output, async (volumeId) => {
    if (from !== undefined) await checkFrom(media, volumeId, from, call)
    await media.setVolumeState({ volumeId, state, ...given('reason', reason) }, call)
    await tellState(output, 'volume', volumeId, state, reason)
  })
}

/** What is unfrozen has to be frozen: an imported volume would lose its guard. Rejects with `state-conflict`. */
async function checkFrom(
  media: Ports['media'],
  volumeId: string,
  from: VolumeState,
  call: CallOptions,
): Promise<void> {
  for await (const { state } of media.volumes({ volumeId }, call))
    if (state !== from)
      throw new NbError('state-conflict', `volume ${volumeId} is not ${from}, it is ${state}`, {
        details: { volumeId, state },
      })
}

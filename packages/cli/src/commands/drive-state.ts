import type { CallOptions, DriveState } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'
import { tellState } from './storage-state.ts'

/** Options of `nb drive up|down|operator`. */
export interface DriveStateOptions extends CallOptions {
  readonly names: readonly string[]
  readonly state: DriveState
  readonly reason?: string
}

/** `nb drive up|down|operator NAME...`: running jobs go on. Those for which it fails are told, and give 1. */
export async function driveStateCommand(
  { media }: Pick<Ports, 'media'>,
  { names, state, reason, ...call }: DriveStateOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    await media.setDriveState({ name, state, ...given('reason', reason) }, call)
    await tellState(output, 'drive', name, state === 'operator' ? 'under an operator' : state, reason)
  })
}

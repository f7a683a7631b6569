import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { forEach } from './each.ts'

/** Options of `nb volume eject`. */
export interface VolumeEjectOptions extends CallOptions {
  readonly volumeIds: readonly string[]
}

/** `nb volume eject ID...`: moves volumes into mail slots, for a person to take out. Those for which it fails are told, and give 1. */
export async function volumeEjectCommand(
  { devices }: Pick<Ports, 'devices'>,
  { volumeIds, ...call }: VolumeEjectOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(volumeIds, output, async (volumeId) => {
    const ejected = await devices.eject({ volumeId }, call)
    const { robot, mailSlot } = ejected
    await (output.json
      ? output.value(ejected)
      : output.line(printable(`volume ${volumeId}: in mail slot ${mailSlot} of ${robot}, take it out`)))
  })
}

import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { forEach, given } from './each.ts'

/** Options of `nb volume label`. */
export interface VolumeLabelOptions extends CallOptions {
  readonly volumeIds: readonly string[]
  /** @default one that nobody uses */
  readonly drive?: string
  /** Whatever is on them. @default false, only what is blank or has a label of ours without images */
  readonly overwrite?: boolean
}

/** `nb volume label ID...`: labels volumes anew; what is on them is gone. Those for which it fails are told, and give 1. */
export async function volumeLabelCommand(
  { devices, media }: Pick<Ports, 'devices' | 'media'>,
  { volumeIds, drive, overwrite, ...call }: VolumeLabelOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(volumeIds, output, async (volumeId) => {
    const labelled = await devices.label(
      { volumeId, ...given('drive', drive), ...given('overwrite', overwrite) },
      call,
    )
    if (output.json) return output.value(labelled)
    await output.line(
      printable(`volume ${volumeId}: labelled in drive ${labelled.drive}, generation ${labelled.generation}`),
    )
    for await (const { state } of media.volumes({ volumeId }, call))
      if (state !== 'active')
        output.note(
          `volume ${volumeId} is ${state} still: nb volume activate ${volumeId} lets it be written to`,
        )
  })
}

import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach } from './each.ts'

/** Options of `nb drive cleaned`. */
export interface DriveCleanedOptions extends CallOptions {
  readonly names: readonly string[]
}

/** `nb drive cleaned NAME...`: a person has cleaned them, and their hours begin anew. Those for which it fails are told, and give 1. */
export async function driveCleanedCommand(
  { media }: Pick<Ports, 'media'>,
  { names, ...call }: DriveCleanedOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (drive) => {
    await media.recordCleaning({ drive }, call)
    if (output.json) await output.value({ drive, cleaned: true })
    else await output.line(`drive ${drive}: is cleaned, its hours begin anew`)
  })
}

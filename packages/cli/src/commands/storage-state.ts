import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'

/** Options of `nb storage up|down`, `nb media-server up|down` and `nb robot up|down`. */
export interface UpOrDownOptions extends CallOptions {
  readonly names: readonly string[]
  readonly state: 'up' | 'down'
  readonly reason?: string
}

/** `nb storage up|down NAME...`: running jobs go on. Those for which it fails are told, and give 1. */
export async function storageStateCommand(
  { media }: Pick<Ports, 'media'>,
  { names, state, reason, ...call }: UpOrDownOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    await media.setStorageUnitState({ name, state, ...given('reason', reason) }, call)
    await tellState(output, 'storage unit', name, state, reason)
  })
}

/** Tells the new state of something. */
export async function tellState(
  output: Output,
  what: string,
  name: string,
  state: string,
  reason: string | undefined,
): Promise<void> {
  if (output.json) return output.value({ name, state, ...given('reason', reason) })
  return output.line(`${what} ${name}: is ${state}${reason === undefined ? '' : `, ${reason}`}`)
}

import { NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { forEach, given } from './each.ts'
import { tellState, type UpOrDownOptions } from './storage-state.ts'

/** `nb robot up|down NAME...`: what is in the drives of a robot that is down stays usable. */
export async function robotStateCommand(
  { media }: Pick<Ports, 'media'>,
  { names, state, reason, ...call }: UpOrDownOptions,
  output: Output,
): Promise<ExitCode> {
  return forEach(names, output, async (name) => {
    let known = false
    for await (const robot of media.robots({ name }, call)) known = robot.name === name
    if (!known)
      throw new NbError('not-found', `there is no robot ${name}; nb robots lists them`, {
        details: { robot: name },
      })
    await media.putRobot({ name, state, ...given('stateReason', reason) }, call)
    await tellState(output, 'robot', name, state, reason)
  })
}

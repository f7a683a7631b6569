import type { CallOptions, Robot } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** `nb robots`: the registered robots. */
export async function robotsCommand(
  { media }: Pick<Ports, 'media'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const robots: Robot[] = []
  for await (const robot of media.robots({}, call)) robots.push(robot)
  if (robots.length === 0 && !output.json) output.note('no robots are registered')
  else
    await output.table(robots, [
      { title: 'ROBOT', value: (robot) => robot.name, shrinks: true },
      { title: 'STATE', value: (robot) => robot.state },
      { title: 'REASON', value: (robot) => robot.stateReason, shrinks: true },
    ])
  return 0
}

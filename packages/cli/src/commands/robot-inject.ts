import type { CallOptions } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { forEach } from './each.ts'
import { tellDifferences } from './robot-inventory.ts'

/** Options of `nb robot inject`. */
export interface RobotInjectOptions extends CallOptions {
  readonly robots: readonly string[]
}

/** `nb robot inject NAME...`: takes in what is in the mail slots. What is left there is told, and gives 1. */
export async function robotInjectCommand(
  { devices }: Pick<Ports, 'devices'>,
  { robots, ...call }: RobotInjectOptions,
  output: Output,
): Promise<ExitCode> {
  let isAllIn = true
  const exitCode = await forEach(robots, output, async (robot) => {
    const report = await devices.inject({ robot }, call)
    const { injected, left, differences } = report
    isAllIn &&= left.length === 0
    if (output.json) return output.value({ robot, ...report })
    for (const { barcode, volumeId, mailSlot, slot } of injected) {
      const what = volumeId === undefined ? barcode : `volume ${volumeId} (${barcode})`
      await output.line(printable(`${what}: from mail slot ${mailSlot} into slot ${slot} of ${robot}`))
    }
    for (const { mailSlot, barcode, why } of left)
      output.note(printable(`${barcode ?? 'a cartridge'}: left in mail slot ${mailSlot} of ${robot}: ${why}`))
    if (injected.length + left.length === 0) output.note(`nothing is in the mail slots of ${robot}`)
    // What came in is told already.
    const others = differences.filter(
      (one) =>
        one.kind === 'gone' || one.kind === 'refused' || !injected.some(({ slot }) => slot === slotOf(one)),
    )
    if (others.length > 0) await tellDifferences(output, robot, others)
  })
  return isAllIn ? exitCode : 1
}

function slotOf(
  difference: Parameters<typeof tellDifferences>[2][number] & { readonly kind: 'new' | 'moved' },
): number | undefined {
  return difference.kind === 'new' ? difference.volume.slot : difference.to
}

import { type CallOptions, counted, describePlace, type InventoryDifference } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import { differenceText, isPlainlyEmpty, placeNote } from '../inventory-text.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'

/** Options of `nb robot inventory`. */
export interface RobotInventoryOptions extends CallOptions {
  readonly robot: string
  /** `show`: what is where, differences marked; `preview`: what an update would do; `update`: do it. @default 'show' */
  readonly mode?: 'show' | 'preview' | 'update'
}

/** `nb robot inventory NAME`: what a robot has, beside what the media manager says. What can't be taken in gives 1 after an update. */
export async function robotInventoryCommand(
  { devices }: Pick<Ports, 'devices'>,
  { robot, mode = 'show', ...call }: RobotInventoryOptions,
  output: Output,
): Promise<ExitCode> {
  if (mode === 'update') {
    const done = await devices.updateInventory({ robot }, call)
    await tellDifferences(output, robot, done)
    return done.some(({ kind }) => kind === 'refused') ? 1 : 0
  }
  const found = await devices.inventory({ robot }, call)
  const { places, differences } = found
  if (mode === 'preview') {
    await tellDifferences(output, robot, differences)
    return 0
  }
  if (output.json) {
    await output.value(found)
    return 0
  }
  await output.table(
    places.filter((place) => !isPlainlyEmpty(place)),
    [
      { title: 'PLACE', value: ({ place }) => describePlace(place) },
      { title: 'DRIVE', value: ({ drive }) => drive, shrinks: true },
      {
        title: 'BARCODE',
        value: ({ barcode, unlabelled }) => barcode ?? (unlabelled ? 'unreadable' : undefined),
      },
      { title: 'VOLUME', value: ({ volumeId }) => volumeId },
      { title: 'EXPECTED', value: ({ expected }) => expected },
      { title: 'NOTE', value: (place) => placeNote(place, robot, differences), shrinks: true },
    ],
  )
  const empty = (['drive', 'slot', 'import-export'] as const).flatMap((kind) => {
    const count = places.filter((place) => place.place.kind === kind && isPlainlyEmpty(place)).length
    return count === 0 ? [] : [counted(count, kind === 'import-export' ? 'mail slot' : kind)]
  })
  if (empty.length > 0) output.note(`empty: ${empty.join(', ')}`)
  if (differences.length > 0)
    output.note(
      `${counted(differences.length, 'difference')}: nb robot inventory ${robot} --preview tells what --update would do`,
    )
  return 0
}

/** One line, or JSON value, for each difference. */
export async function tellDifferences(
  output: Output,
  robot: string,
  differences: readonly InventoryDifference[],
): Promise<void> {
  if (output.json) for (const one of differences) await output.value(one)
  else if (differences.length === 0) output.note(`${robot} has what the media manager says`)
  else for (const one of differences) await output.line(printable(differenceText(robot, one)))
}

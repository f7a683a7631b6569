import { describePlace, type LibraryElement } from '@nb/contracts'
import type { Survey, SurveyedDrive, SurveyedLibrary } from './survey.ts'

/** What a target has, for people. Empty slots are counted, not listed. */
export function describeSurvey({ name, units, libraries, drives, failures }: Survey): string {
  const others = units.filter(({ kind }) => kind === 'disk')
  return [
    name,
    ...libraries.flatMap(describeLibrary),
    ...(drives.length === 0
      ? []
      : ['', 'Drives', ...columns([driveHead, ...drives.map((one) => driveCells(one, libraries.length))])]),
    ...(others.length === 0
      ? []
      : [
          '',
          'Other units',
          ...columns(
            others.map(({ name, kind, vendor, product, serial }) => [
              name,
              kind,
              `${vendor} ${product}`,
              serial ?? '',
            ]),
          ),
        ]),
    ...(libraries.length + drives.length > 0
      ? []
      : ['', failures.length > 0 ? 'It could not be asked.' : 'There is no tape drive and no library here.']),
  ].join('\n')
}

function describeLibrary({ name, robot, places }: SurveyedLibrary): string[] {
  const { vendor, product, revision, serial } = robot
  const full = places.filter(isFull)
  const volumes = full.map((element) => [
    describePlace(element.place),
    element.barcode ?? '(no readable barcode)',
    element.from === undefined ? '' : `from ${describePlace(element.from)}`,
  ])
  const empty = (['drive', 'slot', 'import-export'] as const).flatMap((kind) => {
    const count = places.filter((element) => element.place.kind === kind && !isFull(element)).length
    return count === 0 ? [] : [counted(count, kind === 'import-export' ? 'mail slot' : kind)]
  })
  return [
    '',
    `Library, ${name}: ${vendor} ${product} ${revision}${serial === undefined ? '' : `, serial ${serial}`}`,
    `  ${counted(robot.places.drive, 'drive')}, ${counted(robot.places.slot, 'slot')}, ${counted(robot.places['import-export'], 'mail slot')}`,
    ...columns([['place', 'volume', ''], ...volumes]),
    `  empty: ${empty.length === 0 ? 'none' : empty.join(', ')}`,
  ]
}

const isFull = ({ barcode, unlabelled }: LibraryElement): boolean =>
  barcode !== undefined || unlabelled === true

const driveHead = ['unit', 'drive', 'serial', 'place', 'state', 'volume', 'density']

function driveCells(drive: SurveyedDrive, libraries: number): string[] {
  const { name, vendor, product, revision, serial, place, state, volume, density, writeProtected } = drive
  const where = place === undefined ? '–' : `drive ${place.drive}`
  return [
    name,
    `${vendor} ${product} ${revision}`,
    serial ?? '–',
    place !== undefined && libraries > 1 ? `${where} of ${place.robot}` : where,
    `${state ?? 'not told'}${writeProtected === true ? ', write-protected' : ''}`,
    volume ?? '–',
    density === undefined ? '–' : `${density.name ?? ''} (${hex(density.code)})`.trim(),
  ]
}

/** As standards write it: `5Eh`. */
const hex = (code: number): string => `${code.toString(16).toUpperCase().padStart(2, '0')}h`

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** Cells under one another, two blanks before each line. */
function columns(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  )
  return lines.map((line) =>
    `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  )
}

import type { CallOptions, StorageUnit, StorageUnitGroup } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatBytes } from '../units.ts'

/** `nb storage`: the storage units and their limits, and the groups to choose from. */
export async function storageCommand(
  { media }: Pick<Ports, 'media'>,
  call: CallOptions,
  output: Output,
): Promise<ExitCode> {
  const units: StorageUnit[] = []
  const groups: StorageUnitGroup[] = []
  for await (const unit of media.storageUnits({}, call)) units.push(unit)
  for await (const group of media.groups({}, call)) groups.push(group)
  if (output.json) {
    for (const unit of units) await output.value({ storageUnit: unit })
    for (const group of groups) await output.value({ group })
    return 0
  }
  if (units.length === 0) output.note('no storage units')
  else
    await output.table(units, [
      { title: 'STORAGE UNIT', value: (unit) => unit.name, shrinks: true },
      { title: 'TYPE', value: (unit) => (unit.type === 'disk' ? 'disk' : `tape ${unit.density}`) },
      { title: 'MEDIA SERVER', spare: 4, value: (unit) => unit.mediaServer, shrinks: true },
      { title: 'STATE', value: stateOf },
      { title: 'AT ONCE', value: mostAtOnce },
      { title: 'FRAGMENTS', spare: 1, value: (unit) => `to ${formatBytes(unit.maxFragmentBytes)}` },
      { title: 'USED', spare: 3, value: (unit) => (unit.onDemandOnly ? 'when named' : 'by any policy') },
      ...(units.some((unit) => unit.type === 'disk' && (unit.space ?? unit.missing) !== undefined)
        ? [
            { title: 'FREE', value: roomOf },
            { title: 'MARKS', spare: 2, value: marksOf },
          ]
        : []),
      ...(units.some((unit) => reasonOf(unit) !== undefined)
        ? [{ title: 'REASON', value: reasonOf, shrinks: true }]
        : []),
    ])
  if (groups.length === 0) return 0
  await output.line('')
  await output.table(groups, [
    { title: 'GROUP', value: (group) => group.name, shrinks: true },
    { title: 'CHOOSES', value: (group) => group.selection },
    { title: 'MEMBERS', value: (group) => group.members.join(' '), shrinks: true },
  ])
  return 0
}

/** Whether it may be used, and whether it is there: `up`, `down`, `not there`. */
export function stateOf(unit: StorageUnit): string {
  return unit.state === 'up' && missingOf(unit) !== undefined ? 'not there' : unit.state
}

function reasonOf(unit: StorageUnit): string | undefined {
  return unit.stateReason ?? missingOf(unit)
}

const missingOf = (unit: StorageUnit): string | undefined => (unit.type === 'disk' ? unit.missing : undefined)

/** The room of a disk, as its media server told it: `12 GiB of 100 GiB, 88% used, 5.0 GiB expected`. */
export function roomOf(unit: StorageUnit): string {
  if (unit.type !== 'disk' || unit.space === undefined) return '-'
  const { totalBytes, freeBytes, committedBytes, full } = unit.space
  const used = totalBytes === 0 ? 100 : Math.floor((100 * (totalBytes - freeBytes)) / totalBytes)
  const expected = committedBytes > 0 ? `, ${formatBytes(committedBytes)} expected` : ''
  return `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)}, ${full === true ? 'full' : `${used}% used`}${expected}`
}

/** The water marks of a disk, high and low: `98% 80%`, with `staging` where copied images make room. */
export function marksOf(unit: StorageUnit): string {
  if (unit.type !== 'disk') return '-'
  const { highWaterPercent: high = 98, lowWaterPercent = Math.min(80, high - 1), staging } = unit
  return `${high}% ${lowWaterPercent}%${staging === true ? ' staging' : ''}`
}

/** What a unit may do at once: `4 jobs`, or `2 drives of 4 streams`. */
export function mostAtOnce(unit: StorageUnit): string {
  if (unit.type === 'disk')
    return `${unit.maxConcurrentJobs} ${unit.maxConcurrentJobs === 1 ? 'job' : 'jobs'}`
  const { maxConcurrentDrives: drives, maxStreamsPerDrive: streams = 1 } = unit
  return `${drives} ${drives === 1 ? 'drive' : 'drives'} of ${streams} ${streams === 1 ? 'stream' : 'streams'}`
}

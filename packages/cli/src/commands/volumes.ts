import type { CallOptions, Volume, VolumeState } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { unlessPool } from '../unless-there.ts'
import { formatTime } from '../units.ts'
import { given } from './each.ts'

/** Options of `nb volumes`. */
export interface VolumesOptions extends CallOptions {
  readonly volumeId?: string
  readonly pool?: string
  /** In one of these states. @default any */
  readonly states?: readonly VolumeState[]
  /** With images on them (`true`), or without. @default any */
  readonly assigned?: boolean
}

/** `nb volumes`: the volumes, their states with the reason, and what is on them. */
export async function volumesCommand(
  { media }: Pick<Ports, 'media'>,
  { volumeId, pool, states, assigned, ...call }: VolumesOptions,
  output: Output,
): Promise<ExitCode> {
  const volumes: Volume[] = []
  for await (const volume of media.volumes(
    { ...given('volumeId', volumeId), ...given('pool', pool) },
    call,
  )) {
    const fits =
      (states?.includes(volume.state) ?? true) &&
      (assigned === undefined || assigned === (volume.assignedAt !== undefined))
    if (fits) volumes.push(volume)
  }
  if (volumes.length === 0 && !output.json)
    output.note(`no volumes${await unlessPool({ media }, pool, call)}`)
  else
    await output.table(volumes, [
      { title: 'VOLUME', value: (volume) => volume.volumeId },
      { title: 'POOL', value: (volume) => volume.pool, shrinks: true },
      { title: 'DENSITY', spare: 2, value: (volume) => volume.density },
      { title: 'IN', value: place },
      { title: 'STATE', value: (volume) => volume.state },
      { title: 'ASSIGNED', spare: 5, value: (volume) => optionalTime(volume.assignedAt) },
      { title: 'LEVEL', spare: 3, value: (volume) => volume.retentionLevel, align: 'right' },
      { title: 'MOUNTS', spare: 4, value: mounts, align: 'right' },
      { title: 'LAST MOUNTED', spare: 1, value: (volume) => optionalTime(volume.lastMountedAt) },
      ...(volumes.some((volume) => note(volume) !== undefined)
        ? [{ title: 'NOTE', value: note, shrinks: true }]
        : []),
    ])
  return 0
}

function place({ robot, slot }: Volume): string {
  if (robot === undefined) return 'outside'
  return slot === undefined ? robot : `${robot} slot ${slot}`
}

function mounts({ mounts: so, maxMounts }: Volume): string {
  return maxMounts === undefined ? String(so) : `${so} of ${maxMounts}`
}

function note({ stateReason, multiplexed, multiRetention, expiresAt }: Volume): string | undefined {
  const parts = [
    ...(stateReason === undefined ? [] : [stateReason]),
    ...(multiplexed === true ? ['multiplexed'] : []),
    ...(multiRetention === true ? ['several retention levels'] : []),
    ...(expiresAt === undefined ? [] : [`written until ${formatTime(expiresAt)}`]),
  ]
  return parts.length === 0 ? undefined : parts.join('; ')
}

function optionalTime(time: number | undefined): string | undefined {
  return time === undefined ? undefined : formatTime(time)
}

import { type Clock, type JobLogLine, type RestoreRequest, counted, displayPath } from '@nb/contracts'
import type { RestorePlan } from './plan.ts'

const mostNamed = 3

/** The restore service's own line for a step. */
export function stepLine(clock: Clock, step: number, text: string): JobLogLine {
  return {
    time: clock.now(),
    component: 'restore',
    severity: 'info',
    step: { flow: 'restore', number: step },
    text,
  }
}

/** Step 1, for a person. */
export function describeRequest({ from, paths, target, requestedBy }: RestoreRequest): string {
  const place = target.kind === 'original' ? 'their original place' : displayPath(target.directory)
  return `${requestedBy ?? 'a user'} asks for ${firstOf(paths.map(displayPath))} of client ${from.client}, to ${place}`
}

/** Step 2, for a person. */
export function describePlan({ images, groups, entries, bytes }: RestorePlan): string {
  const sources = groups.flatMap((group) =>
    group.sources.map((source) => `${source.backupId} on ${group.storageUnit}`),
  )
  const trees = firstOf(images.map(({ backupId }) => backupId))
  const onTape = groups.filter((group) => group.volumes !== undefined)
  const kept =
    onTape.length === 0
      ? 'on disk, so no plan is written'
      : `on tape, so a needed-image plan is written: ${describeVolumes(onTape.flatMap(({ volumes = [] }) => volumes))}`
  return `${images.length === 1 ? 'image' : 'images'} ${trees}: ${counted(entries, 'entry', 'entries')}, ${bytes} bytes from ${firstOf(sources) || 'nowhere'}; ${kept}`
}

/** The volumes of a plan or a group, all by name: who has to find them must know. */
export function describeVolumes(volumes: readonly string[]): string {
  const named = [...new Set(volumes)]
  return named.length === 0 ? 'no volume' : `${named.length === 1 ? 'volume' : 'volumes'} ${named.join(', ')}`
}

function firstOf(names: readonly string[]): string {
  const more = names.length - mostNamed
  return `${names.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

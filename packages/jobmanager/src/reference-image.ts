import type { Catalog, ImageRecord, ScheduleType } from '@nb/contracts'

/** Which kinds of image a schedule type compares with; a full and what a user starts compare with none. */
export function referenceTypes(type: ScheduleType): readonly ScheduleType[] {
  switch (type) {
    case 'differential':
      return ['full', 'differential', 'cumulative']
    case 'cumulative':
      return ['full']
    default:
      return []
  }
}

/** The newest complete image of the policy and client among these kinds, or `undefined` when there is none. */
export async function newestImage(
  catalog: Catalog,
  policy: string,
  client: string,
  scheduleTypes: readonly ScheduleType[],
  signal?: AbortSignal,
): Promise<ImageRecord | undefined> {
  if (scheduleTypes.length === 0) return undefined
  const options = signal === undefined ? {} : { signal }
  for await (const image of catalog.listImages({ policy, client, scheduleTypes, limit: 1 }, options))
    return image
  return undefined
}

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

/** Whose images: of a policy and client, and of one stream where the policy has several. */
export interface ImagesOf {
  readonly policy: string
  readonly client: string
  readonly stream?: string
}

/** What an incremental is compared with. */
export interface ReferenceChoice {
  /** Absent when there is none: the backup runs as a full. */
  readonly reference?: ImageRecord
  /** Newer images that would have been it, were their file lists not damaged. */
  readonly passedOver: readonly ImageRecord[]
}

/**
 * The newest complete image of policy, client and stream among these kinds whose own list is whole. That its data lies
 * partly in an image with a damaged list does not matter: data is found by position, without that list.
 */
export async function chooseReference(
  catalog: Catalog,
  of: ImagesOf,
  scheduleTypes: readonly ScheduleType[],
  signal?: AbortSignal,
): Promise<ReferenceChoice> {
  const passedOver: ImageRecord[] = []
  if (scheduleTypes.length === 0) return { passedOver }
  const options = signal === undefined ? {} : { signal }
  for await (const image of catalog.listImages({ ...of, scheduleTypes }, options)) {
    if (image.stream !== of.stream) continue
    if (image.damaged === undefined) return { reference: image, passedOver }
    passedOver.push(image)
  }
  return { passedOver }
}

/** The choice for a person. */
export function describeReference(
  policy: string,
  client: string,
  schedule: string,
  { reference, passedOver }: ReferenceChoice,
): string {
  const choice =
    reference === undefined
      ? `no image of policy ${policy} and client ${client} to compare with: schedule ${schedule} runs as a full`
      : `comparing with image ${reference.backupId}`
  if (passedOver.length === 0) return choice
  const ids = passedOver.map(({ backupId }) => backupId).join(', ')
  return `${choice}; not with ${ids}, whose file list is damaged`
}

/** How a backup ended whose reference turned out to have a damaged list while it ran; `undefined` when it has not. */
export function damagedReference({ backupId, damaged }: ImageRecord): string | undefined {
  return damaged === undefined
    ? undefined
    : `the reference image ${backupId} is damaged, the next run will not use it: ${damaged}`
}

/** The newest complete image of policy, client and stream among these kinds, or `undefined` when there is none. */
export async function newestImage(
  catalog: Catalog,
  of: ImagesOf,
  scheduleTypes: readonly ScheduleType[],
  signal?: AbortSignal,
): Promise<ImageRecord | undefined> {
  if (scheduleTypes.length === 0) return undefined
  const options = signal === undefined ? {} : { signal }
  for await (const image of catalog.listImages({ ...of, scheduleTypes }, options))
    if (image.stream === of.stream) return image
  return undefined
}

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
  readonly stream: string | undefined
}

/** What an incremental is compared with. */
export interface ReferenceChoice {
  /** Absent when there is none: the backup runs as a full. */
  readonly reference?: ImageRecord | undefined
  /** Newer images that would have been it, were their file lists not damaged. */
  readonly passedOver: readonly ImageRecord[]
  /** Newer images that would have been it, but hold data in images that are gone: what is unchanged since would be in none. */
  readonly incomplete: readonly ImageRecord[]
}

/** What a new image needs to know of those before it. */
export interface EarlierImages {
  readonly choice: ReferenceChoice
  /** The newest of the same kind, which tells how large the new one may become. */
  readonly newest: ImageRecord | undefined
}

/**
 * Looks through the complete images of policy, client and stream, newest first, once. The reference is the newest of its
 * kinds whose own list is whole and whose data is all there. That its data lies partly in an image with a damaged list does not matter:
 * data is found by position, without that list.
 */
export async function earlierImages(
  catalog: Catalog,
  { policy, client, stream }: ImagesOf,
  type: ScheduleType,
  signal: AbortSignal,
): Promise<EarlierImages> {
  const types = referenceTypes(type)
  const scheduleTypes = types.includes(type) ? types : [...types, type]
  const filter =
    stream === undefined ? { policy, client, scheduleTypes } : { policy, client, stream, scheduleTypes }
  const passedOver: ImageRecord[] = []
  const incomplete: ImageRecord[] = []
  let reference: ImageRecord | undefined
  let newest: ImageRecord | undefined
  for await (const image of catalog.listImages(filter, { signal })) {
    if (image.stream !== stream) continue
    if (newest === undefined && image.scheduleType === type) newest = image
    if (reference === undefined && types.includes(image.scheduleType)) {
      if (image.damaged !== undefined) passedOver.push(image)
      else if ((await goneImages(catalog, image, signal)).length > 0) incomplete.push(image)
      else reference = image
    }
    if (newest !== undefined && (reference !== undefined || types.length === 0)) break
  }
  return { choice: { reference, passedOver, incomplete }, newest }
}

/** The images that hold data of this one and are not complete any more: ended by force, or since their storage was lost. */
export async function goneImages(
  catalog: Pick<Catalog, 'getImage'>,
  { backupId: own, neededImages }: Pick<ImageRecord, 'backupId' | 'neededImages'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const gone: string[] = []
  for (const backupId of neededImages) {
    if (backupId === own) continue
    const image = await catalog.getImage({ backupId }, { signal })
    if (image?.state !== 'complete') gone.push(backupId)
  }
  return gone
}

/** The choice for a person. */
export function describeReference(
  policy: string,
  client: string,
  schedule: string,
  { reference, passedOver, incomplete }: ReferenceChoice,
): string {
  const choice =
    reference === undefined
      ? `no image of policy ${policy} and client ${client} to compare with: schedule ${schedule} runs as a full`
      : `comparing with image ${reference.backupId}`
  const ids = (images: readonly ImageRecord[]): string => images.map(({ backupId }) => backupId).join(', ')
  const damaged = passedOver.length > 0 ? `; not with ${ids(passedOver)}, whose file list is damaged` : ''
  const gone =
    incomplete.length > 0
      ? `; not with ${ids(incomplete)}, whose data lies partly in images that are gone`
      : ''
  return choice + damaged + gone
}

/** How a backup ended whose reference turned out to have a damaged list while it ran; `undefined` when it has not. */
export function damagedReference({ backupId, damaged }: ImageRecord): string | undefined {
  return damaged === undefined
    ? undefined
    : `the reference image ${backupId} is damaged, the next run will not use it: ${damaged}`
}

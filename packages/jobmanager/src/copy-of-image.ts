import { type Catalog, type ImageCopy, type ImageRecord, NbError } from '@nb/contracts'

/**
 * A copy of a complete image, for a job that was asked for a while ago. Rejects with `image-unknown`, `state-conflict`, `not-found`.
 *
 * @param done - what is to be done with it, such as `verified`
 */
export async function copyOfImage(
  catalog: Pick<Catalog, 'getImage'>,
  backupId: string,
  number: number,
  done: string,
): Promise<{ readonly image: ImageRecord; readonly copy: ImageCopy }> {
  const image = await catalog.getImage({ backupId })
  if (image === undefined) throw new NbError('image-unknown', `there is no image ${backupId} any more`)
  if (image.state !== 'complete')
    throw new NbError('state-conflict', `image ${backupId} is ${image.state}: it can't be ${done}`)
  const copy = image.copies.find((each) => each.copy === number)
  if (copy === undefined) throw new NbError('not-found', `image ${backupId} has no copy ${number} any more`)
  return { image, copy }
}

import { type CallOptions, type ImageCopy, type ImageRecord, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { storedBytesOf } from '../stored-bytes.ts'
import { formatBytes, formatCount, formatTime } from '../units.ts'
import { given } from './each.ts'

/** Options of `nb copies`. */
export interface CopiesOptions extends CallOptions {
  readonly image: string
  /** Makes this copy the one that is read. */
  readonly promote?: number
}

/** `nb copies IMAGE`: the copies of an image, the primary one first. Rejects with `image-unknown`, `not-found` (the copy). */
export async function copiesCommand(
  { catalog }: Pick<Ports, 'catalog'>,
  { image: backupId, promote, ...call }: CopiesOptions,
  output: Output,
): Promise<ExitCode> {
  const image =
    promote === undefined
      ? await catalog.getImage({ backupId }, call)
      : await catalog.promoteCopy({ backupId, copy: promote }, call)
  if (image === undefined)
    throw new NbError('image-unknown', `there is no image ${backupId}; nb images lists what there is`)
  await output.table(image.copies, [
    { title: 'COPY', value: ({ copy }) => copy, align: 'right' },
    { title: 'PRIMARY', value: (copy) => (copy === image.copies[0] ? 'yes' : 'no') },
    { title: 'STORAGE', value: ({ storageUnit }) => storageUnit },
    { title: 'SERVER', spare: 1, value: ({ mediaServer }) => mediaServer },
    { title: 'FRAGMENTS', value: ({ fragments }) => formatCount(fragments.length), align: 'right' },
    { title: 'STORED', value: (copy) => formatBytes(storedBytesOf(copy)), align: 'right' },
    ...(image.copies.some(({ expiresAt }) => expiresAt !== undefined)
      ? [{ title: 'KEPT UNTIL', value: keptUntil }]
      : []),
  ])
  return 0
}

/** Options of `nb copies` without an image. */
export interface AllCopiesOptions extends CallOptions {
  readonly client?: string
  readonly policy?: string
  /** The newest so many images; 0 is all. @default 50 */
  readonly limit?: number
}

/** `nb copies` without an image: where the copies of all images are, newest image first, of each the primary one first. */
export async function allCopiesCommand(
  { catalog }: Pick<Ports, 'catalog'>,
  { client, policy, limit = 50, ...call }: AllCopiesOptions,
  output: Output,
): Promise<ExitCode> {
  const rows: { readonly image: ImageRecord; readonly copy: ImageCopy }[] = []
  const chosen = { ...given('client', client), ...given('policy', policy), ...(limit === 0 ? {} : { limit }) }
  for await (const image of catalog.listImages(chosen, call))
    for (const copy of image.copies) rows.push({ image, copy })
  await output.table(rows, [
    { title: 'IMAGE', value: ({ image }) => image.backupId, shrinks: true },
    { title: 'POLICY', value: ({ image }) => image.policy, shrinks: true },
    { title: 'COPY', value: ({ copy }) => copy.copy, align: 'right' },
    { title: 'PRIMARY', value: ({ image, copy }) => (copy === image.copies[0] ? 'yes' : 'no') },
    { title: 'STORAGE', value: ({ copy }) => copy.storageUnit },
    { title: 'SERVER', spare: 1, value: ({ copy }) => copy.mediaServer },
    { title: 'STORED', value: ({ copy }) => formatBytes(storedBytesOf(copy)), align: 'right' },
  ])
  return 0
}

/** Until when a copy is kept where its image is kept longer. */
function keptUntil({ expiresAt }: ImageCopy): string {
  return expiresAt === undefined ? 'as the image' : formatTime(expiresAt)
}

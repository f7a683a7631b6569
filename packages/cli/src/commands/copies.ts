import { type CallOptions, type ImageCopy, NbError } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { storedBytesOf } from '../stored-bytes.ts'
import { formatBytes, formatCount, formatTime } from '../units.ts'

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
    { title: 'SERVER', value: ({ mediaServer }) => mediaServer },
    { title: 'FRAGMENTS', value: ({ fragments }) => formatCount(fragments.length), align: 'right' },
    { title: 'SIZE', value: (copy) => formatBytes(storedBytesOf(copy)), align: 'right' },
    ...(image.copies.some(({ expiresAt }) => expiresAt !== undefined)
      ? [{ title: 'KEPT UNTIL', value: keptUntil }]
      : []),
  ])
  return 0
}

/** Until when a copy is kept where its image is kept longer. */
function keptUntil({ expiresAt }: ImageCopy): string {
  return expiresAt === undefined ? 'as the image' : formatTime(expiresAt)
}

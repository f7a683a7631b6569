import type { CallOptions, ImageRecord } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { whyOverdue } from './overdue.ts'
import { unlessPolicy } from '../unless-there.ts'
import { storedBytesOf } from '../stored-bytes.ts'
import { formatBytes, formatCount, formatTime } from '../units.ts'

/** Options of `nb images`. */
export interface ImagesOptions extends CallOptions {
  readonly client?: string
  readonly policy?: string
  /** Also those in progress, expired, or discarded and not yet cleaned up; then they are gone. @default false */
  readonly all?: boolean
  /** The newest so many; 0 is all. @default 50 */
  readonly limit?: number
}

/** `nb images`: the backup images of the catalog, newest first. */
export async function imagesCommand(
  { catalog, scheduler }: Pick<Ports, 'catalog' | 'scheduler'>,
  { client, policy, all = false, limit = 50, ...call }: ImagesOptions,
  output: Output,
): Promise<ExitCode> {
  const images: ImageRecord[] = []
  const filter = {
    ...(client === undefined ? {} : { client }),
    ...(policy === undefined ? {} : { policy }),
    ...(all ? { states: ['in-progress', 'complete', 'expired', 'discarded'] as const } : {}),
    ...(limit === 0 ? {} : { limit }),
  }
  for await (const image of catalog.listImages(filter, call)) images.push(image)
  if (images.length === 0 && !output.json) {
    output.note(`no images${await unlessPolicy({ scheduler }, policy, call)}`)
    return 0
  }
  const overdue = await whyOverdue(catalog, images, output.now(), call)
  const note = ({ backupId, damaged }: ImageRecord): string | undefined =>
    damaged === undefined ? overdue.get(backupId) : 'damaged list'
  await output.table(images, [
    { title: 'IMAGE', value: (image) => image.backupId, shrinks: true },
    { title: 'POLICY', value: (image) => image.policy, shrinks: true },
    { title: 'TYPE', spare: 3, value: (image) => image.scheduleType },
    ...(images.some(({ stream }) => stream !== undefined)
      ? [{ title: 'STREAM', value: (image: ImageRecord) => image.stream, shrinks: true }]
      : []),
    ...(all ? [{ title: 'STATE', value: (image: ImageRecord) => image.state }] : []),
    { title: 'TIME', value: (image) => formatTime(image.backupTime) },
    { title: 'STATUS', spare: 1, value: (image) => image.status, align: 'right' },
    {
      title: 'ENTRIES',
      spare: 5,
      value: (image) => image.counts && formatCount(image.counts.entries),
      align: 'right',
    },
    // Of its files, and on the medium: much less where files have holes, more where they are many and small.
    { title: 'SIZE', value: (image) => image.counts && formatBytes(image.counts.bytes), align: 'right' },
    {
      title: 'STORED',
      spare: 2,
      value: ({ copies: [copy] }) => copy && formatBytes(storedBytesOf(copy)),
      align: 'right',
    },
    ...(images.some(({ compression }) => compression !== undefined)
      ? [{ title: 'COMPRESSION', value: ratioOf }]
      : []),
    { title: 'EXPIRES', spare: 4, value: expiry },
    ...(images.some((image) => note(image) !== undefined) ? [{ title: 'NOTE', value: note }] : []),
  ])
  return 0
}

/** `zstd 2.7`: how it is compressed, and how much longer its archive is than what it takes. */
function ratioOf({ compression, copies: [copy], counts }: ImageRecord): string | undefined {
  if (compression === undefined) return undefined
  const bytes = copy === undefined ? 0 : storedBytesOf(copy)
  return bytes === 0 || counts === undefined
    ? compression
    : `${compression} ${(counts.streamBytes / bytes).toFixed(1)}`
}

function expiry({ expiresAt }: ImageRecord): string {
  return expiresAt === undefined ? 'never' : formatTime(expiresAt)
}

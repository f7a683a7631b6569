import type { CallOptions, ImageRecord } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { formatTime } from '../units.ts'

/** Options of `nb volume images`. */
export interface VolumeImagesOptions extends CallOptions {
  readonly volumeId: string
}

interface Row {
  readonly backupId: string
  /** Absent when the catalog no longer has it. */
  readonly image?: ImageRecord
}

/** `nb volume images ID`: the images on a volume, with what the catalog knows of them. Rejects with `not-found`. */
export async function volumeImagesCommand(
  { media, catalog }: Pick<Ports, 'media' | 'catalog'>,
  { volumeId, ...call }: VolumeImagesOptions,
  output: Output,
): Promise<ExitCode> {
  const rows: Row[] = []
  for await (const backupId of media.volumeImages({ volumeId }, call)) {
    const image = await catalog.getImage({ backupId }, call)
    rows.push({ backupId, ...(image === undefined ? {} : { image }) })
  }
  if (output.json) for (const { backupId, image } of rows) await output.value(image ?? { backupId })
  else if (rows.length === 0) output.note(`no images are on ${volumeId}`)
  else
    await output.table(rows, [
      { title: 'IMAGE', value: (row) => row.backupId, shrinks: true },
      { title: 'POLICY', value: ({ image }) => image?.policy, shrinks: true },
      { title: 'STATE', value: ({ image }) => image?.state ?? 'not in the catalog' },
      { title: 'TIME', value: ({ image }) => image && formatTime(image.backupTime) },
      { title: 'LEVEL', spare: 1, value: ({ image }) => image?.retentionLevel, align: 'right' },
      {
        title: 'EXPIRES',
        value: ({ image }) =>
          image && (image.expiresAt === undefined ? 'never' : formatTime(image.expiresAt)),
      },
    ])
  return 0
}

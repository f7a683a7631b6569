import { type ImageRecord, NbError } from '@nb/contracts'
import { checkName, parseBackupId } from './backup-id.ts'
import { checkImageRecord } from './check-record.ts'
import { checkStreams } from './check-streams.ts'
import { checkShape } from './image-errors.ts'

/** What a medium tells as an image record. Rejects with `argument-invalid`. */
export function toldRecord(told: unknown): ImageRecord {
  checkShape(() => checkImageRecord(told))
  const image = told as ImageRecord
  for (const field of ['client', 'policy', 'schedule'] as const) checkName(field, image[field])
  checkStreams(image)
  if (parseBackupId(image.backupId)?.client !== image.client)
    throw new NbError(
      'argument-invalid',
      `${image.backupId} is no id of an image of client ${image.client}`,
      {
        details: { field: 'image.backupId' },
      },
    )
  return image
}

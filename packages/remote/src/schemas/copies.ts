import type { CopyDamage, CopyToRead, VerifyEvent } from '@nb/contracts'
import { z } from 'zod'
import { imageCopy } from './image.ts'
import { allocation } from './resources.ts'
import { closed, count, maybe, type Schema, type Shape, text, variants } from './schema.ts'
import { errorCode } from './session.ts'

/** The fields of {@link CopyToRead}. */
export const copyToRead: Shape<CopyToRead> = { jobId: text, allocation, backupId: text, copy: imageCopy }

const copyDamage: Shape<CopyDamage> = {
  fragment: maybe(count),
  block: maybe(count),
  code: errorCode,
  message: text,
}

export const verifyEvent: Schema<VerifyEvent> = variants<VerifyEvent, 'kind'>('kind', {
  progress: closed<Extract<VerifyEvent, { kind: 'progress' }>>({ kind: z.literal('progress'), bytes: count }),
  damage: closed<Extract<VerifyEvent, { kind: 'damage' }>>({ kind: z.literal('damage'), ...copyDamage }),
  verified: closed<Extract<VerifyEvent, { kind: 'verified' }>>({
    kind: z.literal('verified'),
    fragments: count,
    bytes: count,
    members: count,
  }),
})

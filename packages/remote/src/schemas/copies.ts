import type { CopyDamage, CopyToRead, CopyToWrite, VerifyEvent, WriteEvent } from '@nb/contracts'
import { z } from 'zod'
import { imageCopy, imageRecord } from './image.ts'
import { allocation } from './resources.ts'
import { closed, count, maybe, type Schema, type Shape, text, variants } from './schema.ts'
import { channelTicket, errorCode } from './session.ts'

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
  'next-volume': closed<Extract<VerifyEvent, { kind: 'next-volume' }>>({
    kind: z.literal('next-volume'),
    requestId: text,
    volumeId: text,
  }),
  verified: closed<Extract<VerifyEvent, { kind: 'verified' }>>({
    kind: z.literal('verified'),
    fragments: count,
    bytes: count,
    members: count,
  }),
})

export const copyToWrite: Schema<CopyToWrite> = closed<CopyToWrite>({
  jobId: text,
  allocation,
  image: imageRecord,
  copy: count,
  list: channelTicket,
  peer: maybe(text),
  parts: maybe(count),
})

export const writeEvent: Schema<WriteEvent> = variants<WriteEvent, 'kind'>('kind', {
  ready: closed<Extract<WriteEvent, { kind: 'ready' }>>({ kind: z.literal('ready'), data: channelTicket }),
  'next-volume': closed<Extract<WriteEvent, { kind: 'next-volume' }>>({
    kind: z.literal('next-volume'),
    requestId: text,
    replaces: text,
  }),
  progress: closed<Extract<WriteEvent, { kind: 'progress' }>>({ kind: z.literal('progress'), bytes: count }),
  written: closed<Extract<WriteEvent, { kind: 'written' }>>({ kind: z.literal('written'), copy: imageCopy }),
})
